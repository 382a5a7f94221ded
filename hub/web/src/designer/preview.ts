// What a step's parameters and a condition come to under an event, as the Hub's own engine says.
//
// What is asked is not the workflow itself: its other steps may be unfinished, and the step looked at may stand in a
// branch that is not taken. So a small workflow is tried that has the actions before it, and then only what is looked at:
// an action's parameters as a webhook's body, which may be any JSON, and a condition as a gate.

import type { ConditionTrace, Definition, Json, Row, SimulateRequest, Simulation, Step } from '../api/types';
import { earlierActions } from './model/proposals';
import { fillIn, isPath, loneExpression, lookUp, type MISSING } from './model/scope';
import { atPath, isAction, isBranch, isGate } from './model/tree';

const LOOKED_AT = 'onestack-looked-at';

export interface Rendered {
  values: Row | null; // an action's parameters, as the Hub renders them
  trace: ConditionTrace | null;
  event: Row;
}

/** What to try so as to see what stands on a card; null where there is nothing to see. */
export function probe(definition: Definition, key: string, event: Row, withEarlier: boolean): SimulateRequest | null {
  if (!definition.trigger) return null;
  const looked = lookedAt(definition, key);
  if (!looked) return null;
  const id = atPath(definition, key)?.step.id;
  const earlier = withEarlier && id ? earlierActions(definition, id).map((one) => one.step) : [];
  const steps: Step[] = [...earlier.filter((one) => one.action !== 'delay'), looked];
  return {
    definition: {
      id: definition.id || 'new',
      name: definition.name || 'New',
      state: 'draft',
      trigger: definition.trigger,
      steps,
    },
    event: { envelope: event },
  };
}

function lookedAt(definition: Definition, key: string): Step | null {
  if (key === 'conditions') return definition.conditions ? { id: LOOKED_AT, condition: definition.conditions } : null;
  const step = atPath(definition, key)?.step;
  if (!step) return null;
  if (isGate(step)) return { id: LOOKED_AT, condition: step.condition };
  if (isBranch(step)) return { id: LOOKED_AT, condition: step.if };
  const values = step.with ?? {};
  if (!isAction(step) || !JSON.stringify(values).includes('{{')) return null;
  return { id: LOOKED_AT, action: 'webhook', with: { url: 'https://preview.invalid/', body: values } };
}

/** What the trial says of it. */
export function readProbe(simulation: Simulation, event: Row): Rendered {
  const step = simulation.steps.find((one) => one.step === LOOKED_AT);
  const input = step?.input;
  const body = typeof input === 'object' && input !== null && !Array.isArray(input) ? input.body : null;
  const values = typeof body === 'object' && body !== null && !Array.isArray(body) ? body : null;
  return { values, trace: step?.conditions ?? null, event };
}

/** A parameter's value under the event, for the line below its field; null where that would say nothing new. */
export function renderedText(
  rendered: Rendered | null,
  name: string,
  value: Json | undefined,
): { text: string; missing?: boolean } | null {
  if (!rendered || value === undefined || !JSON.stringify(value).includes('{{')) return null;
  const made = rendered.values?.[name];
  if (made !== undefined) return said(made);
  if (typeof value !== 'string') return null;
  const filled = fillIn(value, { event: rendered.event });
  return filled === null ? null : said(filled);
}

function said(value: Json): { text: string; missing?: boolean } {
  if (value === null || value === '') return { text: 'Nothing: this event does not have it', missing: true };
  return { text: typeof value === 'string' ? value : JSON.stringify(value) };
}

/** What a condition's field has under the event; undefined where only the Hub can tell. */
export function actualOf(field: string, event: Row | null): Json | typeof MISSING | undefined {
  const path = loneExpression(field) ?? field;
  if (!event || !isPath(path) || path.startsWith('steps.')) return undefined;
  return lookUp({ event }, path);
}
