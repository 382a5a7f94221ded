// Where a moment lies between the left (0) and the right (1) edge of the timeline.
//
// A run that works for 80 ms and waits for a week has nothing to show on a true scale. So stretches in which nobody
// works may be shortened: all work keeps one common scale, and each long wait gets a fixed share, marked as a break.

import { lasted } from './time';

export interface Span {
  from: number;
  to: number;
  /** Somebody works here; what is nobody's work may be shortened. */
  busy: boolean;
}

export interface Segment {
  from: number;
  to: number;
  left: number;
  right: number;
  broken: boolean;
}

export interface Tick {
  at: number;
  x: number;
  /** Milliseconds since the beginning; null for a line without a label. */
  offset: number | null;
}

export interface Scale {
  from: number;
  to: number;
  segments: Segment[];
  ticks: Tick[];
  x: (at: number) => number;
  /** The moment at a place: x the other way round. */
  at: (x: number) => number;
}

const STEPS = [
  0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000,
  600_000, 900_000, 1_800_000, 3_600_000, 7_200_000, 10_800_000, 21_600_000, 43_200_000, 86_400_000, 172_800_000,
  604_800_000, 1_209_600_000, 2_592_000_000,
];

/** The smallest round distance of which at most `most` fit into `length`. */
export function roundStep(length: number, most: number): number {
  return STEPS.find((step) => length / step <= most) ?? Math.ceil(length / most / 2_592_000_000) * 2_592_000_000;
}

/** A true scale, or one with its long waits shortened. */
export function scaleOf(spans: Span[], from: number, to: number, shortened: boolean, ticks = 6): Scale {
  const length = Math.max(to - from, 0.001);
  const end = from + length;
  const pieces = shortened ? piecesOf(spans, from, end) : [{ from, to: end, broken: false }];
  const segments = placed(pieces);
  const x = (at: number): number => position(segments, at);
  const at = (place: number): number => moment(segments, place);
  return { from, to: end, segments, ticks: ticksOf(segments, from, ticks), x, at };
}

/** Whether shortening would show more: waits take most of the time, and there is work to be seen beside them. */
export function worthShortening(spans: Span[], from: number, to: number): boolean {
  const pieces = piecesOf(spans, from, Math.max(to, from + 0.001));
  return pieces.some((piece) => piece.broken);
}

interface Piece {
  from: number;
  to: number;
  broken: boolean;
}

const LONG = 4; // an idle stretch is long where it takes more than so many times what all the work takes

function piecesOf(spans: Span[], from: number, to: number): Piece[] {
  const busy = merged(spans.filter((span) => span.busy));
  const work = busy.reduce((sum, span) => sum + span.to - span.from, 0);
  if (busy.length === 0) return [{ from, to, broken: false }];
  const idle: Piece[] = [];
  let at = from;
  for (const span of [...busy, { from: to, to }]) {
    if (span.from - at > (Math.max(work, 1) * LONG) / Math.max(1, busy.length))
      idle.push({ from: at, to: span.from, broken: true });
    at = Math.max(at, span.to);
  }
  return withGaps(idle, from, to);
}

function merged(spans: { from: number; to: number }[]): { from: number; to: number }[] {
  const inOrder = [...spans].sort((a, b) => a.from - b.from);
  const result: { from: number; to: number }[] = [];
  for (const span of inOrder) {
    const last = result.at(-1);
    if (last && span.from <= last.to) last.to = Math.max(last.to, span.to);
    else result.push({ from: span.from, to: span.to });
  }
  return result;
}

function withGaps(breaks: Piece[], from: number, to: number): Piece[] {
  const pieces: Piece[] = [];
  let at = from;
  for (const one of breaks) {
    if (one.from > at) pieces.push({ from: at, to: one.from, broken: false });
    pieces.push(one);
    at = one.to;
  }
  if (at < to) pieces.push({ from: at, to, broken: false });
  return pieces;
}

const BREAK_SHARE = 0.16;
const MOST_BROKEN = 0.5;
const LEAST_TRUE = 0.06;

/** Shortened waits are not equally wide: a longer one still looks longer, by its order of size. */
function weights(pieces: Piece[]): Map<Piece, number> {
  const broken = pieces.filter((piece) => piece.broken);
  const least = Math.min(...broken.map((piece) => piece.to - piece.from));
  const raw = broken.map((piece) => 1 + Math.log10((piece.to - piece.from) / least) / 2);
  const sum = raw.reduce((all, one) => all + one, 0);
  return new Map(broken.map((piece, index) => [piece, (raw[index] ?? 1) / sum]));
}

function placed(pieces: Piece[]): Segment[] {
  const broken = pieces.filter((piece) => piece.broken).length;
  const whole = pieces.length - broken;
  const given = broken ? Math.min(BREAK_SHARE * broken, whole ? MOST_BROKEN : 1) : 0;
  const shares = weights(pieces);
  const room = 1 - given;
  const least = Math.min(LEAST_TRUE, whole ? room / whole / 2 : 0);
  const spare = room - least * whole;
  const time = pieces.reduce((sum, piece) => sum + (piece.broken ? 0 : piece.to - piece.from), 0);
  let left = 0;
  return pieces.map((piece) => {
    const share = given * (shares.get(piece) ?? 0);
    const width = piece.broken ? share : least + (time > 0 ? (spare * (piece.to - piece.from)) / time : spare / whole);
    const segment = { ...piece, left, right: left + width };
    left += width;
    return segment;
  });
}

function position(segments: Segment[], at: number): number {
  if (at <= (segments[0]?.from ?? at)) return 0;
  const inside = segments.find((segment) => at <= segment.to);
  if (!inside) return 1;
  const length = inside.to - inside.from;
  const share = length > 0 ? (at - inside.from) / length : 0;
  return inside.left + (inside.right - inside.left) * share;
}

function moment(segments: Segment[], x: number): number {
  const inside = segments.find((segment) => x <= segment.right) ?? segments.at(-1);
  if (!inside) return 0;
  const width = inside.right - inside.left;
  const share = width > 0 ? Math.max(0, Math.min(1, (x - inside.left) / width)) : 0;
  return inside.from + (inside.to - inside.from) * share;
}

function ticksOf(segments: Segment[], from: number, most: number): Tick[] {
  const whole = segments.filter((segment) => !segment.broken);
  const length = whole.reduce((sum, segment) => sum + segment.to - segment.from, 0);
  const width = whole.reduce((sum, segment) => sum + segment.right - segment.left, 0);
  const step = roundStep(length, Math.max(2, Math.floor(most * width)));
  const ticks: Tick[] = [];
  whole.forEach((segment, index) => {
    const first = index === 0 && segment.from === from;
    if (!first) ticks.push({ at: segment.from, x: segment.left, offset: segment.from - from });
    const begin = first ? step : Math.ceil((segment.from - from) / step + 0.2) * step;
    for (let offset = begin; from + offset <= segment.to; offset += step) {
      const at = from + offset;
      ticks.push({ at, x: position(segments, at), offset: first ? offset : null });
    }
  });
  return uncrowded(ticks);
}

const CHARACTER = 0.019; // of the track's width: 6 px of 320
const AROUND = 0.03;

/** Labels that would stand on top of each other, or over the right edge, lose theirs; the line stays. */
function uncrowded(ticks: Tick[]): Tick[] {
  let free = AROUND + CHARACTER;
  return ticks.map((tick) => {
    const end = tick.x + AROUND + CHARACTER * (lasted(tick.offset).length + 1);
    if (tick.offset === null || tick.x < free || end > 1.03) return { ...tick, offset: null };
    free = end;
    return tick;
  });
}
