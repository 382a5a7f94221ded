// Where the marks of a small drawn flow stand: from left to right, a branch as two lanes that meet again.
import type { Definition, Step } from '@/api/types';
import { isBranch, isGate } from '@/designer/model/tree';

export const NODE = 26;
const GAP = 18;
const LANE = 34;

export interface Mark {
  key: string;
  kind: 'trigger' | 'conditions' | 'gate' | 'branch' | 'action' | 'join';
  name: string; // of the trigger or the action
  x: number; // of its middle
  y: number;
}
export interface Wire {
  from: { x: number; y: number };
  to: { x: number; y: number };
}
export interface Drawing {
  marks: Mark[];
  wires: Wire[];
  width: number;
  height: number;
}

/** How many lanes a list of steps needs above and below its own. */
function lanes(steps: Step[]): { up: number; down: number } {
  let up = 0;
  let down = 0;
  for (const step of steps) {
    if (!isBranch(step)) continue;
    const first = lanes(step.then ?? []);
    const second = lanes(step.else ?? []);
    up = Math.max(up, first.up + first.down + 1);
    down = Math.max(down, second.up + second.down + 1);
  }
  return { up, down };
}

interface Pen {
  x: number;
  y: number;
}

/** The drawing of a definition. */
export function draw(definition: Definition): Drawing {
  const marks: Mark[] = [];
  const wires: Wire[] = [];

  const put = (key: string, kind: Mark['kind'], name: string, from: Pen | null, at: Pen): Pen => {
    marks.push({ key, kind, name, ...at });
    if (from) wires.push({ from, to: at });
    return at;
  };
  const next = (pen: Pen): Pen => ({ x: pen.x + NODE + GAP, y: pen.y });

  const list = (steps: Step[], path: string, from: Pen, start: Pen): Pen => {
    let last = from;
    let at = start;
    for (const step of steps) {
      const key = path + step.id;
      if (isBranch(step)) {
        last = branch(key, step.then ?? [], step.else ?? [], last, at);
      } else {
        const gate = isGate(step);
        last = put(key, gate ? 'gate' : 'action', gate ? 'condition' : step.action, last, at);
      }
      at = next(last);
    }
    return last;
  };

  const branch = (key: string, then: Step[], otherwise: Step[], from: Pen, at: Pen): Pen => {
    const fork = put(key, 'branch', 'branch', from, at);
    const above = lanes(then);
    const below = lanes(otherwise);
    const start = next(fork);
    const up = { x: start.x, y: at.y - (above.down + 1) * LANE + LANE / 2 };
    const down = { x: start.x, y: at.y + (below.up + 1) * LANE - LANE / 2 };
    const first = list(then, `${key}.then.`, fork, up);
    const second = list(otherwise, `${key}.else.`, fork, down);
    const join = { x: Math.max(first.x, second.x, fork.x) + NODE / 2 + GAP, y: at.y };
    marks.push({ key: `${key}/join`, kind: 'join', name: '', ...join });
    // A side without steps is a plain line around the other.
    const ends = [
      then.length > 0 ? first : { x: start.x, y: up.y },
      otherwise.length > 0 ? second : { x: start.x, y: down.y },
    ];
    for (const [index, end] of ends.entries()) {
      const empty = (index === 0 ? then : otherwise).length === 0;
      if (empty) wires.push({ from: fork, to: end });
      wires.push({ from: end, to: join });
    }
    return { x: join.x - NODE / 2, y: join.y };
  };

  let at: Pen = { x: NODE / 2, y: 0 };
  let last = put('trigger', 'trigger', definition.trigger?.type ?? '', null, at);
  at = next(last);
  if (definition.conditions) {
    last = put('conditions', 'conditions', 'condition', last, at);
    at = next(last);
  }
  list(definition.steps, '', last, at);
  return placed(marks, wires);
}

/** Everything moved so that it begins at 0, 0. */
function placed(marks: Mark[], wires: Wire[]): Drawing {
  const points = [...marks, ...wires.flatMap((wire) => [wire.from, wire.to])];
  const top = Math.min(...points.map((point) => point.y)) - NODE / 2;
  const bottom = Math.max(...points.map((point) => point.y)) + NODE / 2;
  const right = Math.max(...points.map((point) => point.x)) + NODE / 2;
  const down = <T extends Pen>(point: T): T => ({ ...point, y: point.y - top });
  return {
    marks: marks.map(down),
    wires: wires.map(({ from, to }) => ({ from: down(from), to: down(to) })),
    width: right,
    height: bottom - top,
  };
}
