// Random definitions and random edits from a seed, for tests of what holds for all of them.
import type { Condition, Definition, Step } from '../../api/types';
import * as conditions from './conditions';
import { duplicate, insert, move, neighbour, remove, rename, update } from './edit';
import { everyStep, isBranch, type Place, SIDES, sideKey } from './tree';

/** A generator of numbers in [0, 1) that gives the same ones for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export const pick = <T>(random: () => number, list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;

const NAMES = ['ticket', 'tell', 'create-ticket', 'wait', 'a.b', 'x'];

/** A branch with these steps where it is taken, and those where not; a side that is not given it does not have. */
export function branch(id: string, yes?: Step[], no?: Step[]): Step {
  const made: Step = { id, if: { field: 'alert.severity', op: 'equals', value: 'critical' } };
  if (yes) made[SIDES[0]] = yes;
  if (no) made[SIDES[1]] = no;
  return made;
}

export function randomStep(random: () => number, depth = 0): Step {
  const id = pick(random, NAMES);
  const kind = random();
  if (kind < 0.2) return { id, condition: { field: 'device.criticality', op: 'greater_than', value: 3 } };
  if (kind < 0.5 && depth < 3) return branch(id, randomSide(random, depth), randomSide(random, depth));
  return { id, action: 'create_note', with: { body: `{{steps.${pick(random, NAMES)}.id}}` } };
}

function randomSide(random: () => number, depth: number): Step[] | undefined {
  if (random() < 0.2) return undefined;
  return Array.from({ length: Math.floor(random() * 3) }, () => randomStep(random, depth + 1));
}

export const EMPTY: Definition = {
  id: 'w',
  name: 'W',
  state: 'draft',
  trigger: { type: 'alert.triggered' },
  steps: [],
};

/** Every gap between steps. */
export function places(definition: Definition): Place[] {
  const lists: { list: string; length: number }[] = [{ list: '', length: definition.steps.length }];
  for (const { step } of everyStep(definition.steps)) {
    if (!isBranch(step)) continue;
    for (const side of ['then', 'else'] as const)
      lists.push({ list: sideKey(step.id, side), length: (step[side] ?? []).length });
  }
  return lists.flatMap(({ list, length }) => Array.from({ length: length + 1 }, (_, index) => ({ list, index })));
}

/** The definition after one edit, any. */
export function edited(definition: Definition, random: () => number): Definition {
  const steps = everyStep(definition.steps);
  const kind = random();
  if (steps.length === 0 || kind < 0.3)
    return insert(definition, pick(random, places(definition)), randomStep(random))[0];
  const { id } = pick(random, steps).step;
  if (kind < 0.5) return move(definition, id, pick(random, places(definition)));
  if (kind < 0.6) {
    const place = neighbour(definition, id, random() < 0.5 ? 'up' : 'down');
    return place ? move(definition, id, place) : definition;
  }
  if (kind < 0.75) return duplicate(definition, id)[0];
  if (kind < 0.85) return rename(definition, id, pick(random, NAMES))[0];
  if (kind < 0.92) return update(definition, id, (step) => ({ ...step, name: String(random()) }));
  return remove(definition, id);
}

export function randomCondition(random: () => number, depth = 0): Condition {
  const kind = random();
  if (depth > 3 || kind < 0.45) return { field: `f${Math.floor(random() * 1000)}`, op: 'exists' };
  if (kind < 0.6) return { not: randomCondition(random, depth + 1) };
  const inner = Array.from({ length: 1 + Math.floor(random() * 3) }, () => randomCondition(random, depth + 1));
  return conditions.group(random() < 0.5 ? 'all' : 'any', inner);
}
