import { describe, expect, it } from 'vitest';
import type { Definition } from '../api/types';
import { branch, EMPTY, edited, seeded } from '../designer/model/random.testing';
import { everyStep } from '../designer/model/tree';
import { type Box, type Kind, layout, pathThrough } from './layout';

const SIZES: Partial<Record<Kind, { width: number; height: number }>> = {
  stub: { width: 68, height: 26 },
  end: { width: 76, height: 30 },
  join: { width: 0, height: 0 },
};
// Cards are of different heights, by their names, so that nothing fits only by luck.
const measure = (key: string, kind: Kind) => SIZES[kind] ?? { width: 260, height: 60 + (key.length % 5) * 17 };
const draw = (definition: Definition, editing = true) => layout(definition, measure, editing);
const note = (id: string) => ({ id, action: 'create_note' });
const NESTED: Definition = {
  ...EMPTY,
  conditions: { field: 'x', op: 'exists' },
  steps: [note('a'), branch('which', [note('b'), note('c')], [note('d')]), note('e')],
};
const overlap = (a: Box, b: Box) =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
const named = (boxes: Box[], key: string) => {
  const found = boxes.find((one) => one.key === key);
  if (!found) throw new Error(key);
  return found;
};
const centre = (box: Box) => box.x + box.width / 2;

type Point = { x: number; y: number };
const SEEDS = Array.from({ length: 40 }, (_, seed) => seed);

function randomly(seed: number): Definition {
  const random = seeded(seed);
  let definition = EMPTY;
  for (let count = 0; count < 40; count += 1) definition = edited(definition, random);
  return definition;
}

describe('the layout of a definition', () => {
  it('goes down from the trigger by the conditions and the steps to the end', () => {
    const { boxes, order } = draw(NESTED);
    expect(order).toEqual(['trigger', 'conditions', 'a', 'which', 'which.then.b', 'which.then.c', 'which.else.d', 'e']);
    const down = ['trigger', 'conditions', 'a', 'which', 'which/join', 'e', 'end'].map((key) => named(boxes, key));
    for (const [index, box] of down.entries()) {
      const before = down[index - 1];
      if (before) expect(box.y).toBeGreaterThan(before.y + before.height);
      expect(centre(box)).toBeCloseTo(centre(down[0] as Box));
    }
  });

  it('has Yes at the left and No at the right', () => {
    const { boxes, links } = draw(NESTED);
    expect(centre(named(boxes, 'which.then.b'))).toBeLessThan(centre(named(boxes, 'which')));
    expect(centre(named(boxes, 'which.else.d'))).toBeGreaterThan(centre(named(boxes, 'which')));
    expect(links.filter((one) => one.from === 'which').map((one) => [one.to, one.label])).toEqual([
      ['which.then.b', 'Yes'],
      ['which.else.d', 'No'],
    ]);
  });

  it('says where a step goes that is added on an edge', () => {
    const { links } = draw(NESTED);
    const place = (from: string, to: string) => links.find((one) => one.from === from && one.to === to)?.place;
    expect(place('conditions', 'a')).toEqual({ list: '', index: 0 });
    expect(place('which.then.b', 'which.then.c')).toEqual({ list: 'which.then', index: 1 });
    expect(place('which.else.d', 'which/join')).toEqual({ list: 'which.else', index: 1 });
    expect(place('e', 'end')).toEqual({ list: '', index: 3 });
    expect(place('trigger', 'conditions')).toBeUndefined();
  });

  it('offers a condition and a first step where there are none, to edit alone', () => {
    const kinds = (editing: boolean) => draw({ ...EMPTY }, editing).boxes.map((one) => one.kind);
    expect(kinds(true)).toEqual(['trigger', 'add-conditions', 'add-step', 'end']);
    expect(kinds(false)).toEqual(['trigger', 'end']);
    expect(draw({ ...EMPTY, trigger: null }).boxes.map((one) => one.kind)).toEqual(['trigger', 'end']);
  });

  it.each(SEEDS)('lets no cards overlap, and none stand outside (seed %i)', (seed) => {
    const { boxes, width, height } = draw(randomly(seed));
    const seen = boxes.filter((one) => one.kind !== 'join');
    for (const [index, one] of seen.entries()) {
      for (const other of seen.slice(index + 1))
        expect(overlap(one, other), `${one.key} over ${other.key}`).toBe(false);
      expect(one.x).toBeGreaterThanOrEqual(0);
      expect(one.x + one.width).toBeLessThanOrEqual(width + 0.001);
      expect(one.y + one.height).toBeLessThanOrEqual(height);
    }
  });

  it.each(SEEDS)('lets no edge run askew or up, and tells the cards in their order (seed %i)', (seed) => {
    const definition = randomly(seed);
    const { links, order } = draw(definition);
    const legs = links.flatMap(({ points }) =>
      points.slice(1).map((to, index) => ({ from: points[index] as Point, to })),
    );
    expect(legs.filter(({ from, to }) => Math.abs(from.x - to.x) > 0.001 && Math.abs(from.y - to.y) > 0.001)).toEqual(
      [],
    );
    expect(legs.filter(({ from, to }) => to.y < from.y - 0.001)).toEqual([]);
    expect(order.slice(1)).toEqual(everyStep(definition.steps).map((one) => one.path));
    expect(new Set(links.map((one) => one.key)).size).toBe(links.length);
  });
});

describe('an edge', () => {
  it('has round corners, of which none is larger than its way', () => {
    expect(
      pathThrough([
        { x: 0, y: 0 },
        { x: 0, y: 10 },
        { x: 50, y: 10 },
      ]),
    ).toBe('M0 0L0 5Q0 10 5 10L50 10');
    expect(pathThrough([])).toBe('');
  });
});
