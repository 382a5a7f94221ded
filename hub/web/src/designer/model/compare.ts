// Where two definitions differ, place by place; steps are found by their ids, wherever they stand.

import type { Definition, Json } from '../../api/types';
import { everyStep, isBranch } from './tree';

export interface Difference {
  path: string;
  before: string; // nothing where it is not there
  after: string;
}

/** Every text, number and word of a definition by its place. */
function leavesOf(definition: Definition): Map<string, string> {
  const found = new Map<string, string>();
  const walk = (value: Json | undefined, path: string) => {
    if (value === undefined || value === null) return;
    if (typeof value !== 'object') found.set(path, String(value));
    else if (Array.isArray(value)) for (const [index, one] of value.entries()) walk(one, `${path}[${index}]`);
    else for (const [key, one] of Object.entries(value)) walk(one, path ? `${path}.${key}` : key);
  };
  const { steps: _steps, ...rest } = definition;
  walk(rest as unknown as Json, '');
  const order: string[] = [];
  for (const { step, path } of everyStep(definition.steps)) {
    order.push(path);
    const own = isBranch(step)
      ? Object.fromEntries(Object.entries(step).filter(([key]) => key !== 'then' && key !== 'else'))
      : step;
    walk(own as unknown as Json, `steps.${step.id}`);
  }
  found.set('order of steps', order.join(', '));
  return found;
}

export function differences(before: Definition, after: Definition): Difference[] {
  const [old, now] = [leavesOf(before), leavesOf(after)];
  return [...new Set([...old.keys(), ...now.keys()])]
    .filter((path) => path !== 'state' && old.get(path) !== now.get(path))
    .map((path) => ({ path, before: old.get(path) ?? '', after: now.get(path) ?? '' }));
}
