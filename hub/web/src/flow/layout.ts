// Where each card stands: top down, each branch's two sides next to each other and joined again below.
//
// Of our own and not dagre's, for a definition is a nest of lists and no free graph: so Yes is always at the left, no edge
// ever crosses another, a branch stands over the middle of its sides, and one edit moves nothing but what is beside it.

import type { Definition, Step } from '../api/types';
import { isBranch, isGate, type ListKey, type Place, ROOT, sideKey } from '../designer/model/tree';

export const CARD = 260;
const BETWEEN = 40; // columns of a branch
// From one card to the next, and below a branch or a gate, where Yes and No stand: to edit there is room for a plus as well.
const GAPS = { read: { plain: 36, labelled: 54 }, edit: { plain: 54, labelled: 74 } };
const LANE = 96; // an empty side: only its line, its label and its plus
const STUB = 116; // the "No: ends here" at the right of a gate

export interface Size {
  width: number;
  height: number;
}
export type Kind = 'trigger' | 'conditions' | 'step' | 'join' | 'end' | 'stub' | 'add-conditions' | 'add-step';

export interface Box {
  key: string; // 'trigger', 'conditions', a step's path, or made from one: 'which/join', 'matters/stop'
  kind: Kind;
  x: number; // of the left upper corner
  y: number;
  width: number;
  height: number;
  step?: Step;
}

/** A join is where ways meet: only they are seen. */
export const isSeen = (box: Box): boolean => box.kind !== 'join';

export interface Link {
  key: string;
  from: string;
  to: string;
  label?: 'Yes' | 'No';
  place?: Place; // where a step is put that is added on it
  points: { x: number; y: number }[]; // at right angles, from one box to the other
  plus?: { x: number; y: number };
  side?: { branch: string; yes: boolean }; // a branch's way that it is part of
}

export interface Layout {
  boxes: Box[];
  links: Link[];
  width: number;
  height: number;
  order: string[]; // the cards as people read them
}

/** How far something reaches to the left and right of its axis. */
interface Reach {
  left: number;
  right: number;
}

export type Measure = (key: string, kind: Kind) => Size;

/** The layout of a definition; `measure` gives the size of a card. `adding`: to edit, so with room for pluses. */
export function layout(definition: Definition, measure: Measure, adding = false): Layout {
  return new Drawing(measure, adding).whole(definition);
}

interface Cursor {
  key: string; // of the box that the next edge comes from
  x: number;
  y: number; // where that box ends
  label?: 'Yes' | 'No';
  side?: { branch: string; yes: boolean };
}

class Drawing {
  private boxes: Box[] = [];
  private links: Link[] = [];
  private order: string[] = [];
  private reaches = new Map<Step, Reach>();
  private readonly gaps: { plain: number; labelled: number };

  constructor(
    private readonly measure: Measure,
    private readonly adding: boolean,
  ) {
    this.gaps = adding ? GAPS.edit : GAPS.read;
  }

  whole(definition: Definition): Layout {
    let cursor: Cursor = { key: '', x: 0, y: -this.gaps.plain };
    cursor = this.card('trigger', 'trigger', cursor);
    if (definition.conditions) {
      cursor = this.card('conditions', 'conditions', cursor);
      this.stub('conditions', cursor);
      cursor.label = 'Yes';
    } else if (this.adding && definition.trigger) {
      cursor = this.card('add-conditions', 'add-conditions', cursor);
    }
    cursor = this.list(definition.steps, ROOT, '', cursor);
    const last: Place = { list: ROOT, index: definition.steps.length };
    const empty = this.adding && definition.trigger && definition.steps.length === 0;
    if (empty) cursor = this.card('add-step', 'add-step', cursor);
    this.card('end', 'end', cursor, empty || !definition.trigger ? undefined : last);
    return this.moved();
  }

  /** Everything moved so that it begins at 0, 0. */
  private moved(): Layout {
    const left = Math.min(
      ...this.boxes.map((one) => one.x),
      ...this.links.flatMap((one) => one.points.map((at) => at.x)),
    );
    const right = Math.max(
      ...this.boxes.map((one) => one.x + one.width),
      ...this.links.flatMap((one) => one.points.map((at) => at.x)),
    );
    const height = Math.max(...this.boxes.map((one) => one.y + one.height));
    const shift = <T extends { x: number }>(one: T): T => ({ ...one, x: one.x - left });
    return {
      boxes: this.boxes.map(shift),
      links: this.links.map((one) => ({
        ...one,
        points: one.points.map(shift),
        ...(one.plus && { plus: shift(one.plus) }),
      })),
      width: right - left,
      height,
      order: this.order,
    };
  }

  private list(steps: Step[], list: ListKey, prefix: string, cursor: Cursor): Cursor {
    return steps.reduce((at, step, index) => this.step(step, prefix + step.id, { list, index }, at), cursor);
  }

  private step(step: Step, path: string, place: Place, cursor: Cursor): Cursor {
    const next = this.card(path, 'step', cursor, place, step);
    if (isGate(step)) {
      this.stub(path, next);
      return { ...next, label: 'Yes' };
    }
    if (!isBranch(step)) return next;
    return this.branch(step, path, next);
  }

  private branch(step: Step & { then?: Step[]; else?: Step[] }, path: string, cursor: Cursor): Cursor {
    const { dl, dr } = this.sides(step);
    const ends = (['then', 'else'] as const).map((side) => {
      const yes = side === 'then';
      const x = cursor.x + (yes ? -dl : dr);
      const at: Cursor = { key: path, x, y: cursor.y, label: yes ? 'Yes' : 'No', side: { branch: path, yes } };
      const steps = step[side] ?? [];
      const end = this.list(steps, sideKey(step.id, side), `${path}.${side}.`, at);
      return { end, place: { list: sideKey(step.id, side), index: steps.length }, yes };
    });
    // An empty side has its plus where the first step would be.
    const y =
      Math.max(...ends.map(({ end }) => end.y + (end.key === path ? this.gaps.labelled : this.gaps.plain))) + 18;
    const key = `${path}/join`;
    this.boxes.push({ key, kind: 'join', x: cursor.x, y, width: 0, height: 0 });
    for (const { end, place, yes } of ends) this.link(end, { key, x: cursor.x, y }, place, { branch: path, yes });
    return { key, x: cursor.x, y };
  }

  /** A card below the cursor, with the edge to it. */
  private card(key: string, kind: Kind, cursor: Cursor, place?: Place, step?: Step): Cursor {
    const size = this.measure(key, kind);
    const y = cursor.y + (cursor.label ? this.gaps.labelled : this.gaps.plain);
    this.boxes.push({ key, kind, x: cursor.x - size.width / 2, y, ...size, ...(step && { step }) });
    if (kind === 'trigger' || kind === 'conditions' || kind === 'step') this.order.push(key);
    if (cursor.key) this.link(cursor, { key, x: cursor.x, y }, place, cursor.side);
    return { key, x: cursor.x, y: y + size.height };
  }

  private link(from: Cursor, to: { key: string; x: number; y: number }, place?: Place, side?: Link['side']): void {
    const start = this.boxes.find((one) => one.key === from.key) as Box;
    const out = start.x + start.width / 2;
    const top = { x: out, y: start.y + start.height };
    const points = [top];
    // A way that begins beside its branch goes sideways first, one that ends beside its join goes sideways last.
    const bend = top.y + 20;
    if (out !== from.x) points.push({ x: out, y: bend }, { x: from.x, y: bend });
    if (from.x !== to.x) points.push({ x: from.x, y: to.y - 18 }, { x: to.x, y: to.y - 18 });
    points.push({ x: to.x, y: to.y });
    const begins = out !== from.x ? bend : top.y;
    const ends = from.x !== to.x ? to.y - 18 : to.y;
    const middle = from.label ? Math.max(begins + 40, (begins + ends) / 2 + 9) : (begins + ends) / 2;
    this.links.push({
      key: `${from.key}>${to.key}${from.label ?? ''}`,
      from: from.key,
      to: to.key,
      points,
      ...(from.label && { label: from.label }),
      ...(place && { place, plus: { x: from.x, y: middle } }),
      ...(side && { side }),
    });
  }

  private stub(key: string, cursor: Cursor): void {
    const box = this.boxes.find((one) => one.key === key) as Box;
    const size = this.measure(`${key}/stop`, 'stub');
    const y = box.y + box.height / 2;
    const x = cursor.x + box.width / 2 + 42;
    this.boxes.push({ key: `${key}/stop`, kind: 'stub', x, y: y - size.height / 2, ...size });
    const points = [
      { x: cursor.x + box.width / 2, y },
      { x, y },
    ];
    this.links.push({ key: `${key}>stop`, from: key, to: `${key}/stop`, label: 'No', points });
  }

  private sides(step: Step & { then?: Step[]; else?: Step[] }): { dl: number; dr: number; yes: Reach; no: Reach } {
    const yes = this.reach(step.then ?? []);
    const no = this.reach(step.else ?? []);
    return { dl: BETWEEN / 2 + yes.right, dr: BETWEEN / 2 + no.left, yes, no };
  }

  private reach(steps: Step[]): Reach {
    if (steps.length === 0) return { left: LANE / 2, right: LANE / 2 };
    const all = steps.map((step) => this.reachOf(step));
    return { left: Math.max(...all.map((one) => one.left)), right: Math.max(...all.map((one) => one.right)) };
  }

  private reachOf(step: Step): Reach {
    const known = this.reaches.get(step);
    if (known) return known;
    const made = this.reckon(step);
    this.reaches.set(step, made);
    return made;
  }

  private reckon(step: Step): Reach {
    if (isGate(step)) return { left: CARD / 2, right: CARD / 2 + STUB };
    if (!isBranch(step)) return { left: CARD / 2, right: CARD / 2 };
    const { dl, dr, yes, no } = this.sides(step);
    return { left: Math.max(CARD / 2, dl + yes.left), right: Math.max(CARD / 2, dr + no.right) };
  }
}

/** The points as an SVG path with rounded corners. */
export function pathThrough(points: { x: number; y: number }[], radius = 10): string {
  const [first, ...rest] = points;
  if (!first) return '';
  let d = `M${first.x} ${first.y}`;
  rest.forEach((point, index) => {
    const next = rest[index + 1];
    const last = index === 0 ? first : (rest[index - 1] as { x: number; y: number });
    if (!next) {
      d += `L${point.x} ${point.y}`;
      return;
    }
    const r = Math.min(radius, distance(last, point) / 2, distance(point, next) / 2);
    const a = toward(point, last, r);
    const b = toward(point, next, r);
    d += `L${a.x} ${a.y}Q${point.x} ${point.y} ${b.x} ${b.y}`;
  });
  return d;
}

type Point = { x: number; y: number };
const distance = (a: Point, b: Point) => Math.hypot(a.x - b.x, a.y - b.y);

function toward(from: Point, to: Point, length: number): Point {
  const whole = distance(from, to) || 1;
  return { x: from.x + ((to.x - from.x) / whole) * length, y: from.y + ((to.y - from.y) / whole) * length };
}
