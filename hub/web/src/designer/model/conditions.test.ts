import { describe, expect, it } from 'vitest';
import type { Condition } from '../../api/types';
import {
  add,
  at,
  dissolve,
  enclose,
  fieldOf,
  isGroup,
  leaves,
  move,
  remove,
  replace,
  setWord,
  toggleNot,
} from './conditions';
import { pick, randomCondition, seeded } from './random.testing';

const leaf = (field: string): Condition => ({ field, op: 'exists' });
const TREE: Condition = { all: [leaf('a'), { any: [leaf('b'), { not: leaf('c') }] }, leaf('d')] };

describe('a condition', () => {
  it('names the places in it as faults do', () => {
    expect(fieldOf(TREE, [1, 1, 0])).toBe('all[1].any[1].not');
    expect(at(TREE, [1, 1, 0])).toEqual(leaf('c'));
    expect(fieldOf(leaf('a'), [])).toBe('');
  });

  it('gets rows where they are put', () => {
    expect(add(TREE, [1], 1, leaf('x'))).toEqual({
      all: [leaf('a'), { any: [leaf('b'), leaf('x'), { not: leaf('c') }] }, leaf('d')],
    });
  });

  it('becomes a group when a second row comes', () => {
    expect(add(leaf('a'), [], 1, leaf('b'))).toEqual({ all: [leaf('a'), leaf('b')] });
  });

  it('loses the groups that nothing is left in', () => {
    const bare: Condition = { all: [leaf('a'), { any: [{ not: leaf('c') }] }] };
    expect(remove(bare, [1, 0, 0])).toEqual({ all: [leaf('a')] });
    expect(remove({ not: leaf('a') }, [0])).toBeNull();
  });

  it('changes words, negates, encloses and dissolves', () => {
    expect(setWord(TREE, [1], 'all')).toMatchObject({
      all: [leaf('a'), { all: [leaf('b'), { not: leaf('c') }] }, leaf('d')],
    });
    expect(toggleNot(toggleNot(TREE, [0]), [0])).toEqual(TREE);
    expect(enclose(leaf('a'), [], 'any', [leaf('b')])).toEqual({ any: [leaf('a'), leaf('b')] });
    expect(dissolve(TREE, [1])).toEqual({ all: [leaf('a'), leaf('b'), { not: leaf('c') }, leaf('d')] });
    expect(dissolve({ any: [leaf('a')] }, [])).toEqual(leaf('a'));
  });

  it('moves rows between groups, and no group into itself', () => {
    expect(move(TREE, [0], [1], 2)).toEqual({ all: [{ any: [leaf('b'), { not: leaf('c') }, leaf('a')] }, leaf('d')] });
    expect(move(TREE, [1, 0], [], 0)).toEqual({
      all: [leaf('b'), leaf('a'), { any: [{ not: leaf('c') }] }, leaf('d')],
    });
    expect(move(TREE, [1], [1], 0)).toBe(TREE);
    expect(move({ all: [leaf('a'), { any: [leaf('b')] }] }, [1, 0], [], 0)).toEqual({ all: [leaf('b'), leaf('a')] });
  });

  it.each(Array.from({ length: 60 }, (_, seed) => seed))('keeps every row through any moves (seed %i)', (seed) => {
    const random = seeded(seed);
    let tree: Condition = { all: [randomCondition(random), randomCondition(random)] };
    const fields = (condition: Condition) =>
      leaves(condition)
        .map((one) => one.leaf.field)
        .sort();
    const all = fields(tree);
    const routes = (condition: Condition, route: number[] = []): number[][] => [
      route,
      ...('field' in condition ? [] : Object.values(condition).flat()).flatMap((one, index) =>
        routes(one as Condition, [...route, index]),
      ),
    ];
    for (let count = 0; count < 30; count += 1) {
      const from = pick(random, routes(tree));
      const into = pick(
        random,
        routes(tree)
          .filter((route) => isGroup(at(tree, route) as Condition))
          .concat([[]]),
      );
      tree = move(tree, from, into, Math.floor(random() * 4));
      expect(fields(tree)).toEqual(all);
    }
  });

  it('is the same object where nothing was replaced', () => {
    expect(replace(TREE, [9, 9], leaf('x'))).toBe(TREE);
  });
});
