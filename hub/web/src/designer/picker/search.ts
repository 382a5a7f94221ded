// Finding a choice by its words: whole words and their beginnings, never inside a word.

export interface Choice<T = unknown> {
  id: string;
  title: string;
  hint?: string;
  words?: string; // others that find it: open, alarm, mail
  value: T;
}
export interface ChoiceGroup<T = unknown> {
  label: string;
  choices: Choice<T>[];
}

const split = (text: string): string[] =>
  text
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter(Boolean);

/** How well a choice fits what was typed: 0 not at all. Every typed word has to begin one of its words. */
function score<T>(choice: Choice<T>, typed: string[]): number {
  const title = split(choice.title);
  const other = [...split(choice.hint ?? ''), ...split(choice.words ?? ''), ...split(choice.id)];
  let sum = 0;
  for (const [index, word] of typed.entries()) {
    const last = index === typed.length - 1;
    const at = title.findIndex((one) => (last ? one.startsWith(word) : one === word || one.startsWith(word)));
    if (at >= 0) sum += (title[at] === word ? 8 : 5) + (at === 0 ? 4 : 0);
    else if (other.includes(word)) sum += 2;
    else if (other.some((one) => one.startsWith(word))) sum += 1;
    else return 0;
  }
  return sum;
}

/** The groups with what fits, the best first in each, and the group with the best first of all. */
export function found<T>(groups: ChoiceGroup<T>[], query: string): ChoiceGroup<T>[] {
  const typed = split(query);
  if (typed.length === 0) return groups.filter((one) => one.choices.length > 0);
  return groups
    .map((group) => {
      const scored = group.choices
        .map((choice) => ({ choice, score: score(choice, typed) }))
        .filter((one) => one.score > 0)
        .sort((a, b) => b.score - a.score);
      return { label: group.label, choices: scored.map((one) => one.choice), best: scored[0]?.score ?? 0 };
    })
    .filter((one) => one.choices.length > 0)
    .sort((a, b) => b.best - a.best);
}
