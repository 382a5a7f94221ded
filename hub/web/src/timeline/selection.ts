// What is selected in a run: the same in the address, on the flowchart and in the timeline.
import type { Run } from '@/api/types';

/** `trigger`, `conditions`, a step's position, or the path of a step that was not reached. */
export type Pick = string;

type Known = globalThis.Pick<Run, 'steps' | 'status' | 'not_reached' | 'conditions'>;

/** The card of the flowchart that belongs to it. */
export function keyOf(pick: Pick | null, run: Known): string | null {
  if (pick === null || !/^\d+$/.test(pick)) return pick;
  return run.steps.find((step) => step.position === Number(pick))?.step_id ?? null;
}

/** The row that belongs to a card: of a step that was done again, the last time. */
export function pickOf(key: string | null, run: Known): Pick | null {
  if (key === null) return null;
  const last = run.steps.filter((step) => step.step_id === key).at(-1);
  return last ? String(last.position) : key;
}

/** What a reader wants to see first: what failed, what goes on, what kept the run from beginning. */
export function firstPick(run: Known): Pick {
  if (run.status === 'skipped') return 'conditions';
  const wanted = run.status === 'failed' || run.status === 'cancelled' ? [run.status] : ['running', 'waiting'];
  const step = run.steps.findLast((one) => wanted.includes(one.status));
  return step ? String(step.position) : 'trigger';
}

/** Whether the run has it: an address may be older than the run, or typed by hand. */
export function isPick(pick: string, run: Known): boolean {
  if (pick === 'trigger') return true;
  if (pick === 'conditions') return run.conditions !== null;
  if (/^\d+$/.test(pick)) return run.steps.some((step) => step.position === Number(pick));
  return run.not_reached.some((one) => one.step === pick);
}
