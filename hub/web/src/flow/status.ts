// What became of each card in a run or a trial, and which ways were taken.

import type { Definition } from '../api/types';
import { everyStep, isAction, isGate } from '../designer/model/tree';
import type { Layout, Link } from './layout';

export type CardState =
  | 'reached'
  | 'running'
  | 'waiting'
  | 'succeeded'
  | 'failed'
  | 'skipped'
  | 'cancelled'
  | 'true'
  | 'false'
  | 'unreached';

export interface CardStatus {
  state: CardState;
  word?: string; // where it says more than the state does: Sent to 2 people
  note?: string; // 120 ms, 3 attempts
}

/** By card: 'trigger', 'conditions', the paths of steps, and 'end'. What is not named was not reached. */
export type FlowStatus = Record<string, CardStatus>;

/** What is known of a step that began: of a run and of a simulation alike. */
export interface StepOutcome {
  path: string;
  status: 'running' | 'waiting' | 'succeeded' | 'failed' | 'skipped' | 'cancelled';
  result?: boolean | null; // of a gate or a branch
  note?: string;
}

export interface RunOutcome {
  status: string; // of the run
  conditions?: boolean | null; // their result; null where there are none
  steps: StepOutcome[];
}

/** The status of every card, from what a run or a simulation tells. */
export function flowStatus(definition: Definition, outcome: RunOutcome): FlowStatus {
  const status: FlowStatus = { trigger: { state: 'reached', word: 'Happened' } };
  const held = outcome.conditions !== false;
  if (definition.conditions)
    status.conditions = { state: held ? 'true' : 'false', ...(held ? {} : { word: 'False: not run' }) };
  const kinds = new Map(everyStep(definition.steps).map((one) => [one.path, one.step]));
  for (const step of outcome.steps) {
    const known = kinds.get(step.path);
    status[step.path] = { state: stateOf(step, known ? isAction(known) : true), ...(step.note && { note: step.note }) };
    if (known && isGate(known) && step.result === false)
      status[step.path] = { state: 'false', word: 'False: ended here' };
  }
  if (reachedEnd(definition, outcome, held))
    status.end = { state: outcome.status === 'failed' ? 'failed' : 'succeeded' };
  return status;
}

function stateOf(step: StepOutcome, action: boolean): CardState {
  if (action || step.result === undefined || step.result === null) return step.status;
  return step.result ? 'true' : 'false';
}

function reachedEnd(definition: Definition, outcome: RunOutcome, held: boolean): boolean {
  if (!held || (outcome.status !== 'completed' && outcome.status !== 'failed')) return false;
  const done = new Map(outcome.steps.map((one) => [one.path, one]));
  if (outcome.steps.some((one) => one.result === false && isGateAt(definition, one.path))) return false;
  const last = definition.steps[definition.steps.length - 1];
  return !last || done.has(last.id);
}

const isGateAt = (definition: Definition, path: string): boolean =>
  everyStep(definition.steps).some((one) => one.path === path && isGate(one.step));

const begun = (status: FlowStatus, key: string): boolean => {
  const state = status[key]?.state;
  return state !== undefined && state !== 'unreached';
};

/** The links that were taken, by their keys. */
export function taken(definition: Definition, layout: Layout, status: FlowStatus): Set<string> {
  const lit = new Set<string>();
  const kinds = new Map(layout.boxes.map((one) => [one.key, one.kind]));
  // From the end, for a join was passed if what comes after it was reached.
  const passed = (key: string): boolean => {
    if (kinds.get(key) !== 'join') return begun(status, key);
    return layout.links.some((one) => one.from === key && passed(one.to));
  };
  for (const link of layout.links)
    if (isTaken(link, status, passed, kinds.get(link.to) === 'join', definition)) lit.add(link.key);
  return lit;
}

function isTaken(
  link: Link,
  status: FlowStatus,
  passed: (key: string) => boolean,
  join: boolean,
  definition: Definition,
): boolean {
  if (link.to.endsWith('/stop')) return status[link.from]?.state === 'false';
  if (!passed(link.to)) return false;
  if (!join) return true;
  if (link.side && link.from === link.side.branch)
    return status[link.from]?.state === (link.side.yes ? 'true' : 'false');
  if (link.from.endsWith('/join')) return passed(link.from) && wentInto(link, status);
  return begun(status, link.from) && !endedAt(definition, link.from, status);
}

const wentInto = (link: Link, status: FlowStatus): boolean =>
  !link.side || status[link.side.branch]?.state === (link.side.yes ? 'true' : 'false');

const endedAt = (definition: Definition, path: string, status: FlowStatus): boolean =>
  status[path]?.state === 'false' && isGateAt(definition, path);
