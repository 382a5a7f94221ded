// How an answer is told: the verdicts in their order, and each in a word.
import type { Why, WhyVerdict } from '@/api/types';
import type { Tone } from '@/parts/status';

export type Kind = WhyVerdict['verdict'];

const WORDS: Record<Kind, string> = {
  ran: 'Ran',
  condition: 'Conditions were false',
  guard: 'Kept back',
  'other trigger': 'Another trigger',
  state: 'Not enabled',
  'published later': 'Not there yet',
  deleted: 'Deleted',
  'no run': 'No run is known',
};
const TONES: Record<Kind, Tone> = {
  ran: 'ok',
  condition: 'bad',
  guard: 'wait',
  'other trigger': 'mute',
  state: 'mute',
  'published later': 'mute',
  deleted: 'mute',
  'no run': 'wait',
};
const ORDER: Kind[] = ['ran', 'condition', 'guard', 'no run', 'state', 'published later', 'deleted'];

export const verdictWords = (kind: Kind): string => WORDS[kind];
export const verdictTone = (kind: Kind): Tone => TONES[kind];

/** Those that the event could have started, what ran first; and those that wait for other events. */
export function sorted(why: Why): { told: WhyVerdict[]; others: WhyVerdict[] } {
  const others = why.workflows.filter((one) => one.verdict === 'other trigger');
  const told = why.workflows
    .filter((one) => one.verdict !== 'other trigger')
    .sort((a, b) => ORDER.indexOf(a.verdict) - ORDER.indexOf(b.verdict) || a.name.localeCompare(b.name));
  return { told, others };
}

/** The reason without what the heading and the list of comparisons say already. */
export function reasonWords(verdict: WhyVerdict): string {
  const { reason } = verdict;
  if (verdict.verdict === 'condition') return verdict.failing.length > 0 ? '' : reason;
  if (verdict.verdict === 'ran') return reason.replace(/^ran: [a-z]+(, )?/, '');
  return reason;
}

/** The answer in one line: 1 ran, 2 did not. */
export function summary(why: Why): string {
  if (why.dead_letters.length > 0 && why.workflows.length === 0) return 'It was refused';
  const { told } = sorted(why);
  const ran = told.filter((one) => one.verdict === 'ran').length;
  const kept = told.length - ran;
  if (told.length === 0) return 'No workflow waits for such an event';
  const parts = [ran > 0 ? `${ran} ran` : '', kept > 0 ? `${kept} did not` : ''];
  return parts.filter(Boolean).join(', ');
}
