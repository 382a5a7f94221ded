// A trial of the definition as it is: what is asked of the Hub, and how its answer reads on the flowchart.

import type { Definition, Json, Row, SimulatedStep, SimulateRequest, Simulation } from '../../api/types';
import { type FlowStatus, flowStatus } from '../../flow/status';
import { duration } from '../../parts/time';
import { leaves } from '../model/conditions';
import { everyStep, isAction, isBranch, isGate } from '../model/tree';

export type Failing = 'fine' | 'once' | 'always' | 'refused' | 'silent';

export const FAILINGS: { value: Failing; label: string }[] = [
  { value: 'fine', label: 'succeeds' },
  { value: 'once', label: 'fails once, then succeeds' },
  { value: 'always', label: 'fails with 503, each time' },
  { value: 'refused', label: 'is refused with 422' },
  { value: 'silent', label: 'gets no answer' },
];

const FAIL: Record<Exclude<Failing, 'fine'>, { status?: number; timeout?: boolean; times?: number }> = {
  once: { status: 503, times: 1 },
  always: { status: 503 },
  refused: { status: 422 },
  silent: { timeout: true },
};

export interface Signal {
  type: string;
  after: string;
}

export interface Setting {
  envelope: Row | null; // the event; null: the trigger's sample
  changes: Record<string, Json>;
  failing: Record<string, Failing>; // by step path
  signals: Signal[];
}

export const NO_CHANGES: Setting = { envelope: null, changes: {}, failing: {}, signals: [] };

export function requestOf(definition: Definition, setting: Setting): SimulateRequest | null {
  const type = definition.trigger?.type;
  if (!type) return null;
  const paths = new Set(everyStep(definition.steps).map((one) => one.path));
  const fail = Object.fromEntries(
    Object.entries(setting.failing).flatMap(([path, how]) =>
      how === 'fine' || !paths.has(path) ? [] : [[path, FAIL[how]]],
    ),
  );
  return {
    definition: { ...definition, state: 'draft' },
    event: setting.envelope ? { envelope: setting.envelope } : { type },
    ...(Object.keys(setting.changes).length > 0 && { changes: setting.changes }),
    ...(Object.keys(fail).length > 0 && { fail }),
    ...(setting.signals.length > 0 && { signals: setting.signals }),
  };
}

export function statusOf(definition: Definition, simulation: Simulation): FlowStatus {
  return flowStatus(definition, {
    status: simulation.status,
    conditions: simulation.conditions?.result ?? null,
    steps: lastOf(simulation.steps).map((step) => ({
      path: step.step,
      status: step.status,
      result: step.result ?? null,
      note: noteOf(step),
    })),
  });
}

/** Of a run that began again, each step as it was at last. */
export function lastOf(steps: SimulatedStep[]): SimulatedStep[] {
  const found = new Map(steps.map((one) => [one.step, one]));
  return [...found.values()];
}

function noteOf(step: SimulatedStep): string {
  const times = step.attempts.length;
  if (times > 1) return `${times} attempts`;
  const wait = step.waits.find((one) => one.reason === 'delay');
  return wait && typeof wait.from === 'string' && typeof wait.until === 'string'
    ? `after ${duration(Date.parse(wait.until) - Date.parse(wait.from))}`
    : '';
}

const EXPRESSION = /\{\{\s*([A-Za-z_][\w.[\]-]*)/g;
const ARGUMENT = /[:,]\s*([A-Za-z_][\w-]*(?:\.[\w-]+)+)/g;

/** The fields of the event that the workflow looks at, in the order in which it does. */
export function fieldsLookedAt(definition: Definition): string[] {
  const found: string[] = [];
  const text = (value: Json | undefined) => {
    const json = JSON.stringify(value ?? null);
    for (const expression of [EXPRESSION, ARGUMENT])
      for (const one of json.matchAll(expression)) found.push(one[1] as string);
  };
  const condition = (given: Definition['conditions']) => {
    if (!given) return;
    for (const { leaf } of leaves(given)) {
      if (leaf.field.includes('{{')) text(leaf.field);
      else found.push(leaf.field);
      text(leaf.value);
    }
  };
  condition(definition.conditions);
  for (const { step } of everyStep(definition.steps)) {
    if (isGate(step)) condition(step.condition);
    else if (isBranch(step)) condition(step.if);
    else if (isAction(step)) text(step.with);
  }
  text(definition.throttle?.key);
  const outside = new Set(['steps', 'event', 'workflow', 'run', 'org']);
  return [...new Set(found)].filter((path) => path.includes('.') && !outside.has(path.split('.')[0] ?? ''));
}
