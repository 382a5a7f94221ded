// What a person can do to a definition's steps. Each function gives a new definition and leaves the given one alone.

import type { Condition, Definition, Json, Step } from '../../api/types';
import { idsOf, refer, renewed, unique } from './ids';
import {
  find,
  isBranch,
  isInside,
  type ListKey,
  ownerOf,
  type Place,
  type Side,
  sideKey,
  stepsOf,
  withSides,
} from './tree';

/** The definition with one list of steps changed; the same one where there is no such list. */
function withList(definition: Definition, list: ListKey, change: (steps: Step[]) => Step[]): Definition {
  const owner = ownerOf(list);
  if (!owner) return { ...definition, steps: change(definition.steps) };
  return { ...definition, steps: inBranch(definition.steps, owner.branch, owner.side, change) };
}

function inBranch(steps: Step[], branch: string, side: Side, change: (steps: Step[]) => Step[]): Step[] {
  let touched = false;
  const made = steps.map((step) => {
    if (!isBranch(step)) return step;
    const now =
      step.id === branch
        ? { ...step, [side]: change(step[side] ?? []) }
        : withSides(step, (list) => inBranch(list, branch, side, change));
    if (now.then === step.then && now.else === step.else) return step;
    touched = true;
    return now;
  });
  return touched ? made : steps;
}

const clamp = (index: number, most: number) => Math.max(0, Math.min(index, most));

/** The definition with a step put at a place; its id is made unique. Second, the id that it got. */
export function insert(definition: Definition, place: Place, step: Step): [Definition, string] {
  const made = renewed(step, idsOf(definition));
  const next = withList(definition, place.list, (steps) => {
    const at = clamp(place.index, steps.length);
    return [...steps.slice(0, at), made, ...steps.slice(at)];
  });
  return [next, made.id];
}

/** The definition without a step, and without what is inside it. */
export function remove(definition: Definition, id: string): Definition {
  const here = find(definition, id);
  if (!here) return definition;
  return withList(definition, here.place.list, (steps) => steps.filter((one) => one.id !== id));
}

/** Whether moving the step to that place would change anything, and can be done: no step goes into itself. */
export function canMove(definition: Definition, id: string, place: Place): boolean {
  const here = find(definition, id);
  if (!here || isInside(definition, place, id) || stepsOf(definition, place.list) === undefined) return false;
  const same = here.place.list === place.list;
  return !(same && (place.index === here.place.index || place.index === here.place.index + 1));
}

/** The definition with a step moved to a place, which is counted before the step is taken out. */
export function move(definition: Definition, id: string, place: Place): Definition {
  const here = find(definition, id);
  if (!here || !canMove(definition, id, place)) return definition;
  const behind = here.place.list === place.list && place.index > here.place.index;
  const index = behind ? place.index - 1 : place.index;
  return withList(remove(definition, id), place.list, (steps) => {
    const at = clamp(index, steps.length);
    return [...steps.slice(0, at), here.step, ...steps.slice(at)];
  });
}

/**
 * Where a step goes that is moved one up or down: past its neighbour, into a branch that is its neighbour (the near end
 * of the Yes side from above, the far end of the No side from below), or out of the branch that it stands in. Null at the ends.
 */
export function neighbour(definition: Definition, id: string, way: 'up' | 'down'): Place | null {
  const here = find(definition, id);
  if (!here) return null;
  const { list, index } = here.place;
  const steps = stepsOf(definition, list) ?? [];
  const next = steps[way === 'up' ? index - 1 : index + 1];
  if (next && isBranch(next)) {
    return way === 'up'
      ? { list: sideKey(next.id, 'else'), index: (next.else ?? []).length }
      : { list: sideKey(next.id, 'then'), index: 0 };
  }
  if (next) return { list, index: way === 'up' ? index - 1 : index + 2 };
  return outOf(definition, list, way);
}

function outOf(definition: Definition, list: ListKey, way: 'up' | 'down'): Place | null {
  const owner = ownerOf(list);
  const branch = owner && find(definition, owner.branch);
  if (!owner || !branch || !isBranch(branch.step)) return null;
  if (way === 'up') {
    return owner.side === 'then'
      ? branch.place
      : { list: sideKey(owner.branch, 'then'), index: (branch.step.then ?? []).length };
  }
  return owner.side === 'else'
    ? { ...branch.place, index: branch.place.index + 1 }
    : { list: sideKey(owner.branch, 'else'), index: 0 };
}

/** The definition with a copy of a step right behind it. Second, the copy's id. */
export function duplicate(definition: Definition, id: string): [Definition, string] {
  const here = find(definition, id);
  if (!here) return [definition, id];
  return insert(definition, { ...here.place, index: here.place.index + 1 }, here.step);
}

/** The definition with a step replaced by what `change` makes of it; its id stays. */
export function update(definition: Definition, id: string, change: (step: Step) => Step): Definition {
  const here = find(definition, id);
  if (!here) return definition;
  const made = { ...change(here.step), id };
  return withList(definition, here.place.list, (steps) => steps.map((one) => (one.id === id ? made : one)));
}

/** The definition with a step's id changed, and with all that refers to it. Second, the id that it got: a free one. */
export function rename(definition: Definition, id: string, wanted: string): [Definition, string] {
  const taken = idsOf(definition);
  if (!taken.delete(id) || wanted === id) return [definition, id];
  const name = unique(wanted, taken);
  const here = find(definition, id) as NonNullable<ReturnType<typeof find>>;
  const renamed = withList(definition, here.place.list, (steps) =>
    steps.map((one) => (one.id === id ? { ...one, id: name } : one)),
  );
  return [refer(renamed as unknown as Json, new Map([[id, name]])) as unknown as Definition, name];
}

/** The definition with another condition where a card has one: 'conditions', or a gate's or branch's id. Null takes it away. */
export function withCondition(definition: Definition, owner: string, condition: Condition | null): Definition {
  if (owner === 'conditions') {
    if (condition) return { ...definition, conditions: condition };
    const { conditions: _, ...rest } = definition;
    return rest;
  }
  if (!condition) return definition;
  return update(
    definition,
    owner,
    (step) => (isBranch(step) ? { ...step, if: condition } : { ...step, condition }) as Step,
  );
}
