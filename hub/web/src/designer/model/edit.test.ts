import { describe, expect, it } from 'vitest';
import type { Definition, Step } from '../../api/types';
import { canMove, duplicate, insert, move, neighbour, remove, rename, update, withCondition } from './edit';
import { begin, canUndo, change, redo, undo } from './history';
import { slug } from './ids';
import { branch, EMPTY, edited, pick, places, randomStep, seeded } from './random.testing';
import { atPath, before, cardOf, everyStep, find, isInside, pathOf, stepsOf } from './tree';

const note = (id: string, body = ''): Step => ({ id, action: 'create_note', with: { body } });
const made = (...steps: Step[]): Definition => ({ ...EMPTY, steps });
const paths = (definition: Definition) => everyStep(definition.steps).map((one) => one.path);

const NESTED = made(note('a'), branch('which', [note('b'), note('c')], [note('d')]), note('e'));

describe('a place in a definition', () => {
  it('is found by the path that the run log has', () => {
    expect(paths(NESTED)).toEqual(['a', 'which', 'which.then.b', 'which.then.c', 'which.else.d', 'e']);
    expect(atPath(NESTED, 'which.then.c')?.place).toEqual({ list: 'which.then', index: 1 });
    expect(pathOf(NESTED, 'd')).toBe('which.else.d');
    expect(stepsOf(NESTED, 'which.else')).toEqual([note('d')]);
    expect(stepsOf(NESTED, 'nobody.then')).toBeUndefined();
  });

  it('is found by the field of a fault', () => {
    expect(cardOf(NESTED, 'steps[1].then[1].with.title')).toEqual({ key: 'which.then.c', rest: 'with.title' });
    expect(cardOf(NESTED, 'steps[1].if.field')).toEqual({ key: 'which', rest: 'if.field' });
    expect(cardOf(NESTED, 'conditions.any[0].value')).toEqual({ key: 'conditions', rest: 'any[0].value' });
    expect(cardOf(NESTED, 'throttle.per')).toEqual({ key: 'settings', rest: 'throttle.per' });
    expect(cardOf(NESTED, 'steps')).toEqual({ key: 'end', rest: '' });
  });

  it('knows which steps have run before it, and which only may have', () => {
    const ids = (id: string) => before(NESTED, id).map((one) => `${one.step.id}${one.certain ? '' : '?'}`);
    expect(ids('c')).toEqual(['a', 'b']);
    expect(ids('e')).toEqual(['a', 'which', 'b?', 'c?', 'd?']);
    expect(ids('a')).toEqual([]);
  });
});

describe('editing', () => {
  it('puts a step at a place, under an id that is free', () => {
    const [one, id] = insert(NESTED, { list: 'which.else', index: 0 }, note('a'));
    expect(id).toBe('a-2');
    expect(paths(one)).toEqual(['a', 'which', 'which.then.b', 'which.then.c', 'which.else.a-2', 'which.else.d', 'e']);
  });

  it('puts steps into a side that a branch does not have yet', () => {
    const bare = made({ id: 'which', if: { field: 'x', op: 'exists' } });
    expect(paths(insert(bare, { list: 'which.else', index: 0 }, note('n'))[0])).toEqual(['which', 'which.else.n']);
  });

  it('moves a step into a branch and out of it', () => {
    const into = move(NESTED, 'a', { list: 'which.then', index: 2 });
    expect(paths(into)).toEqual(['which', 'which.then.b', 'which.then.c', 'which.then.a', 'which.else.d', 'e']);
    expect(move(into, 'a', { list: '', index: 0 })).toEqual(NESTED);
  });

  it('counts the place before the step is taken out', () => {
    const flat = made(note('a'), note('b'), note('c'));
    expect(paths(move(flat, 'a', { list: '', index: 2 }))).toEqual(['b', 'a', 'c']);
    expect(paths(move(flat, 'c', { list: '', index: 1 }))).toEqual(['a', 'c', 'b']);
  });

  it('moves nothing into itself, and nothing to where it stands', () => {
    expect(canMove(NESTED, 'which', { list: 'which.then', index: 0 })).toBe(false);
    expect(canMove(NESTED, 'which', { list: '', index: 2 })).toBe(false);
    expect(move(NESTED, 'which', { list: 'which.else', index: 0 })).toBe(NESTED);
  });

  it('walks a step down through every place and up again', () => {
    let definition = NESTED;
    const seen = [paths(definition).join()];
    for (let place = neighbour(definition, 'a', 'down'); place; place = neighbour(definition, 'a', 'down')) {
      definition = move(definition, 'a', place);
      seen.push(paths(definition).join());
    }
    expect(seen).toHaveLength(8); // Three gaps in Yes, two in No, and three outside.
    expect(new Set(seen).size).toBe(8);
    for (let place = neighbour(definition, 'a', 'up'); place; place = neighbour(definition, 'a', 'up')) {
      definition = move(definition, 'a', place);
    }
    expect(definition).toEqual(NESTED);
  });

  it('copies a branch whose steps refer to each other inside the copy', () => {
    const start = made(branch('which', [note('b'), note('c', '{{steps.b.id}} {{steps.bb.id}}')]));
    const [copied, id] = duplicate(start, 'which');
    expect(id).toBe('which-2');
    expect(find(copied, 'c-2')?.step).toEqual(note('c-2', '{{steps.b-2.id}} {{steps.bb.id}}'));
  });

  it('renames a step and all that refers to it', () => {
    const start = made(note('a'), {
      id: 'g',
      condition: { field: 'steps.a.id', op: 'equals', value: '{{steps.a.x | default: steps.a-b.y}}' },
    });
    const [renamed, id] = rename(start, 'a', 'first');
    expect(id).toBe('first');
    expect(renamed.steps[1]).toMatchObject({
      condition: { field: 'steps.first.id', value: '{{steps.first.x | default: steps.a-b.y}}' },
    });
  });

  it('keeps a step’s id whatever an update makes of it', () => {
    const changed = update(NESTED, 'd', (step) => ({ ...step, id: 'other', name: 'D' }));
    expect(find(changed, 'd')?.step.name).toBe('D');
  });

  it('sets the conditions of the workflow, of gates and of branches', () => {
    const leaf = { field: 'x', op: 'exists' };
    expect(withCondition(NESTED, 'conditions', leaf).conditions).toEqual(leaf);
    expect('conditions' in withCondition(withCondition(NESTED, 'conditions', leaf), 'conditions', null)).toBe(false);
    expect(find(withCondition(NESTED, 'which', leaf), 'which')?.step).toMatchObject({ if: leaf });
  });

  it('leaves what it does not touch the same object', () => {
    const [next] = insert(NESTED, { list: 'which.then', index: 0 }, note('n'));
    expect(next.steps[0]).toBe(NESTED.steps[0]);
    expect(next.steps[2]).toBe(NESTED.steps[2]);
    expect(remove(NESTED, 'nobody')).toBe(NESTED);
  });
});

describe('after any sequence of edits', () => {
  it.each(Array.from({ length: 40 }, (_, seed) => seed))(
    'ids are unique and undo gives the start (seed %i)',
    (seed) => {
      const random = seeded(seed);
      const start = insert(EMPTY, { list: '', index: 0 }, randomStep(random))[0];
      let history = begin(start);
      for (let count = 0; count < 60; count += 1) {
        const next = edited(history.present, random);
        history = change(history, next);
        const ids = everyStep(next.steps).map((one) => one.step.id);
        expect(new Set(ids).size).toBe(ids.length);
        if (random() < 0.1) history = undo(history);
        if (random() < 0.05) history = redo(history);
      }
      const end = history.present;
      let steps = 0;
      for (; canUndo(history); steps += 1) history = undo(history);
      expect(history.present).toBe(start);
      for (; steps > 0; steps -= 1) history = redo(history);
      expect(history.present).toBe(end);
    },
  );

  it.each(Array.from({ length: 40 }, (_, seed) => seed))(
    'a move loses no step, and every path leads to its step (seed %i)',
    (seed) => {
      const random = seeded(seed + 1000);
      let definition = EMPTY;
      for (let count = 0; count < 25; count += 1) definition = edited(definition, random);
      const steps = everyStep(definition.steps);
      for (const { step } of steps) {
        const place = pick(random, places(definition));
        const moved = move(definition, step.id, place);
        expect(
          everyStep(moved.steps)
            .map((one) => one.step.id)
            .sort(),
        ).toEqual(steps.map((one) => one.step.id).sort());
        expect(canMove(definition, step.id, place)).toBe(moved !== definition);
        if (isInside(definition, place, step.id)) expect(moved).toBe(definition);
        for (const one of everyStep(moved.steps)) expect(atPath(moved, one.path)?.step).toBe(one.step);
      }
    },
  );
});

describe('an id', () => {
  it('is made from a text as the Hub takes it', () => {
    expect(slug('Create ticket')).toBe('create-ticket');
    expect(slug('create_ticket')).toBe('create-ticket');
    expect(slug('Für Müller & Söhne!')).toBe('fur-muller-sohne');
    expect(slug('…')).toBe('step');
  });
});
