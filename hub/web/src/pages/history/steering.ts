// What is done about runs, in words.
import type { Steered } from '@/api/types';
import { count } from '@/parts/words';

export type SteerAction = 'cancel' | 'resume' | 'rerun';
export type WhichVersion = 'same' | 'current';

const VERBS: Record<SteerAction, string> = { cancel: 'Cancel', resume: 'Resume', rerun: 'Run again' };
const DONE: Record<SteerAction, string> = { cancel: 'cancelled', resume: 'resumed', rerun: 'started again' };

/** Resume 3 runs; Run 3 runs again. */
export function orderWords(action: SteerAction, number: number): string {
  const runs = count(number, 'run');
  return action === 'rerun' ? `Run ${runs} again` : `${VERBS[action]} ${runs}`;
}

export function verbOf(action: SteerAction): string {
  return VERBS[action];
}

const WELL = new Set<Steered['result']>(['planned', 'cancelled', 'resumed', 'started', null]);

/** It would be done, it was done, or it is asked for and shows no effect yet. */
export function wentWell(one: Steered): boolean {
  return WELL.has(one.result);
}

/** 2 runs resumed. */
export function doneWords(action: SteerAction, number: number): string {
  return `${count(number, 'run')} ${DONE[action]}`;
}

/** What stands beside a run in the plan. */
export function planWords(one: Steered): string {
  return (wentWell(one) ? one.does : one.reason) ?? one.reason ?? one.result ?? 'Nothing is known of it';
}
