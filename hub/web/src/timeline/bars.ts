import type { Row, RunStep } from '../api/types';
import { millis } from './time';

/** What a stretch of a step was: work (solid), a wait that was asked for, the pause before the next attempt, or one to come. */
export type BarKind = 'work' | 'delay' | 'retry' | 'ahead';

export interface Bar {
  kind: BarKind;
  from: number;
  to: number;
  /** It still goes on: `to` is the present, and moves. */
  open: boolean;
  attempt: number | null;
  error: Row | null;
}

const OPEN = new Set(['running', 'waiting']);

/** The stretches of a step in their order; a step that took no time has one of no length. */
export function barsOf(step: RunStep, now: number): Bar[] {
  const begin = millis(step.started_at);
  const open = OPEN.has(step.status) && !step.finished_at;
  const end = step.finished_at ? millis(step.finished_at) : open ? Math.max(now, begin) : begin;
  if (step.action === 'delay') return [bar('delay', begin, end, open), ...ahead(step, end, open)];
  if (step.tries.length === 0) return [bar('work', begin, end, open)];
  return [...attemptBars(step, end, open), ...ahead(step, end, open)];
}

/** What is left of a wait. */
function ahead(step: RunStep, now: number, open: boolean): Bar[] {
  const until = millis(step.waits_until);
  return open && step.status === 'waiting' && until > now ? [bar('ahead', now, until, false)] : [];
}

/** The stretches that there have been. */
export function past(bars: Bar[]): Bar[] {
  return bars.filter((one) => one.kind !== 'ahead');
}

function attemptBars(step: RunStep, end: number, open: boolean): Bar[] {
  const bars: Bar[] = [];
  step.tries.forEach((one, index) => {
    const following = step.tries[index + 1];
    const from = millis(one.at);
    const last = following === undefined;
    const over = one.finished_at ? millis(one.finished_at) : following ? millis(following.at) : end;
    bars.push({
      kind: 'work',
      from,
      to: Math.max(from, over),
      open: last && open && !one.finished_at,
      attempt: one.attempt,
      error: one.error,
    });
    const again = following ? millis(following.at) : one.finished_at && one.next_at && open ? end : null;
    if (again !== null && again > over) bars.push({ ...bar('retry', over, again, last && open), attempt: one.attempt });
  });
  return bars;
}

function bar(kind: BarKind, from: number, to: number, open: boolean): Bar {
  return { kind, from, to: Math.max(from, to), open, attempt: null, error: null };
}

/** The failed attempts that another one followed, or will: what the bar folds. */
export function retriesOf(step: RunStep): number {
  return Math.max(0, step.tries.length - 1);
}

/** How a gate or a branch was decided; null for what decides nothing. */
export function resultOf(step: Pick<RunStep, 'action' | 'output'>): boolean | null {
  if (step.action !== 'condition') return null;
  const { output } = step;
  if (typeof output !== 'object' || output === null || Array.isArray(output)) return null;
  return typeof output.result === 'boolean' ? output.result : null;
}
