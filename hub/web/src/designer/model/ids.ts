// Ids of steps: made from what a step does, unique in their workflow, and followed by what refers to them.

import type { Definition, Json, Step } from '../../api/types';
import { everyStep, isBranch, withSides } from './tree';

const ALLOWED = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/;

export const isId = (text: string): boolean => ALLOWED.test(text);

/** The id that a text would be: letters, digits and dashes, in lower case. */
export function slug(text: string, otherwise = 'step'): string {
  const made = text
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 80)
    .replace(/-+$/, '');
  return made || otherwise;
}

export const idsOf = (definition: Definition): Set<string> =>
  new Set(everyStep(definition.steps).map((one) => one.step.id));

/** `wanted`, or with the first number behind it that makes it another than all `taken`. */
export function unique(wanted: string, taken: ReadonlySet<string>): string {
  if (!taken.has(wanted)) return wanted;
  const stem = wanted.replace(/-\d+$/, '');
  for (let number = 2; ; number += 1) {
    const made = `${stem}-${number}`;
    if (!taken.has(made)) return made;
  }
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** The value with each `steps.<old>` in its texts as `steps.<new>`. */
export function refer<T extends Json | undefined>(value: T, names: ReadonlyMap<string, string>): T {
  if (names.size === 0) return value;
  const old = [...names.keys()].sort((a, b) => b.length - a.length).map(escaped);
  const found = new RegExp(`(?<![\\w.-])steps\\.(${old.join('|')})(?![\\w-])`, 'g');
  const walk = (one: Json): Json => {
    if (typeof one === 'string') return one.replace(found, (_, id: string) => `steps.${names.get(id) ?? id}`);
    if (Array.isArray(one)) return one.map(walk);
    if (one && typeof one === 'object')
      return Object.fromEntries(Object.entries(one).map(([key, inner]) => [key, walk(inner)]));
    return one;
  };
  return value === undefined ? value : (walk(value) as T);
}

/** A copy of a step whose ids, those inside it included, are all new; what refers to one of them inside the copy follows. */
export function renewed(step: Step, taken: ReadonlySet<string>): Step {
  const names = new Map<string, string>();
  const used = new Set(taken);
  // By turns and not by their old ids, of which two may be the same in a text that somebody wrote.
  const rename = (one: Step): Step => {
    const id = unique(one.id, used);
    used.add(id);
    if (!names.has(one.id)) names.set(one.id, id);
    const copy = { ...one, id };
    return isBranch(copy) ? withSides(copy, (steps) => steps.map(rename)) : copy;
  };
  return refer(rename(step) as unknown as Json, names) as unknown as Step;
}
