// A definition's steps as a tree: one list at the root, and two below each branch. Nothing here changes anything.

import type { ActionStep, BranchStep, Definition, GateStep, Step } from '../../api/types';

export type Kind = 'action' | 'gate' | 'branch';
export type Side = 'then' | 'else';
export const SIDES = ['then', 'else'] as const satisfies readonly Side[];

/** A list of steps: '' is the root, `which.then` and `which.else` are those of the branch `which`. */
export type ListKey = string;

/** A gap between steps: before the step that stands at `index` of that list, or behind the last. */
export interface Place {
  list: ListKey;
  index: number;
}

export interface Located {
  step: Step;
  path: string; // which.then.ticket, as the run log names it
  place: Place;
  field: string; // steps[1].then[0], as faults name it
}

export const ROOT: ListKey = '';

export const isGate = (step: Step): step is GateStep => 'condition' in step;
export const isBranch = (step: Step): step is BranchStep => !isGate(step) && ('if' in step || 'then' in step);
export const isAction = (step: Step): step is ActionStep => !isGate(step) && !isBranch(step);
export const kindOf = (step: Step): Kind => (isGate(step) ? 'gate' : isBranch(step) ? 'branch' : 'action');

/** The branch with each of its sides as `change` makes it; a side that it does not have it does not get. */
export function withSides(step: BranchStep, change: (steps: Step[]) => Step[]): BranchStep {
  const made = { ...step };
  for (const side of SIDES) {
    const steps = step[side];
    if (steps) made[side] = change(steps);
  }
  return made;
}

export const sideKey = (branch: string, side: Side): ListKey => `${branch}.${side}`;

/** The branch and the side that a list's key names; null for the root. */
export function ownerOf(list: ListKey): { branch: string; side: Side } | null {
  if (list === ROOT) return null;
  const dot = list.lastIndexOf('.');
  return { branch: list.slice(0, dot), side: list.slice(dot + 1) as Side };
}

/** Every step with where it stands, each branch before the steps inside it: the order in which people read them. */
export function everyStep(steps: Step[], list: ListKey = ROOT, prefix = '', field = 'steps'): Located[] {
  return steps.flatMap((step, index) => {
    const path = prefix + step.id;
    const at = `${field}[${index}]`;
    const here: Located = { step, path, place: { list, index }, field: at };
    if (!isBranch(step)) return [here];
    return [
      here,
      ...everyStep(step.then ?? [], sideKey(step.id, 'then'), `${path}.then.`, `${at}.then`),
      ...everyStep(step.else ?? [], sideKey(step.id, 'else'), `${path}.else.`, `${at}.else`),
    ];
  });
}

export const find = (definition: Definition, id: string): Located | undefined =>
  everyStep(definition.steps).find((one) => one.step.id === id);

export const atPath = (definition: Definition, path: string): Located | undefined =>
  everyStep(definition.steps).find((one) => one.path === path);

export const pathOf = (definition: Definition, id: string): string | undefined => find(definition, id)?.path;

/** The steps of a list; undefined where there is no such branch. */
export function stepsOf(definition: Definition, list: ListKey): Step[] | undefined {
  const owner = ownerOf(list);
  if (!owner) return definition.steps;
  const branch = find(definition, owner.branch)?.step;
  return branch && isBranch(branch) ? (branch[owner.side] ?? []) : undefined;
}

/** Whether a place is inside a step: in one of its sides, however deep. */
export function isInside(definition: Definition, place: Place, id: string): boolean {
  for (let owner = ownerOf(place.list); owner; ) {
    if (owner.branch === id) return true;
    const above = find(definition, owner.branch);
    owner = above ? ownerOf(above.place.list) : null;
  }
  return false;
}

/**
 * What has run before a step, whichever way was taken: the steps before it in its list, and before each branch around it.
 * Steps inside a branch that stands before it may have run, or not: they come too, marked.
 */
export function before(definition: Definition, id: string): { step: Step; certain: boolean }[] {
  const found: { step: Step; certain: boolean }[] = [];
  let here = find(definition, id);
  while (here) {
    const list = stepsOf(definition, here.place.list) ?? [];
    const earlier = list
      .slice(0, here.place.index)
      .flatMap((step) => [
        { step, certain: true },
        ...(isBranch(step)
          ? everyStep([...(step.then ?? []), ...(step.else ?? [])]).map((one) => ({ step: one.step, certain: false }))
          : []),
      ]);
    found.unshift(...earlier);
    const owner = ownerOf(here.place.list);
    here = owner ? find(definition, owner.branch) : undefined;
  }
  return found;
}

/** Where a step stands among those of its list, in words: step 2 of 3. */
export function standing(definition: Definition, id: string): { number: number; of: number } | undefined {
  const here = find(definition, id);
  if (!here) return undefined;
  return { number: here.place.index + 1, of: (stepsOf(definition, here.place.list) ?? []).length };
}

/** The card that a fault's field belongs to, and the rest of the field inside it: steps[1].with.title is ticket's with.title. */
export function cardOf(definition: Definition, field: string): { key: string; rest: string } {
  let found: Located | undefined;
  for (const one of everyStep(definition.steps)) {
    if (field === one.field || field.startsWith(`${one.field}.`)) found = one; // The last is the innermost.
  }
  if (found) return { key: found.path, rest: field.slice(found.field.length + 1) };
  const [head = ''] = field.split(/[.[]/, 1);
  if (head === 'trigger' || head === 'conditions')
    return { key: head, rest: field.slice(head.length).replace(/^\./, '') };
  if (head === 'steps') return { key: 'end', rest: '' };
  return { key: 'settings', rest: field };
}
