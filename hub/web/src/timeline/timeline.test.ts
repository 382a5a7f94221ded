import { describe, expect, test } from 'vitest';
import type { Attempt, RunStep } from '../api/types';
import { barsOf, retriesOf } from './bars';
import { errorWords } from './errors';
import { rowsOf, spanOf, timelineScale } from './rows';
import { roundStep, scaleOf, worthShortening } from './scale';
import { firstPick, isPick, keyOf, pickOf } from './selection';
import { lasted, millis } from './time';

const at = (ms: number): string => new Date(Date.UTC(2026, 10, 27, 8) + ms).toISOString();
const T0 = Date.UTC(2026, 10, 27, 8);

function step(more: Partial<RunStep> & { begun?: number; ended?: number | null }): RunStep {
  const { begun = 0, ended = null, ...rest } = more;
  return {
    position: 0,
    step_id: 'ticket',
    action: 'create_ticket',
    name: null,
    sentence: '',
    status: ended === null ? 'running' : 'succeeded',
    attempts: 1,
    tries: [],
    input: null,
    output: null,
    error: null,
    started_at: at(begun),
    finished_at: ended === null ? null : at(ended),
    duration_ms: ended === null ? null : ended - begun,
    generation: 0,
    waits_until: null,
    ...rest,
  };
}

function attempt(number: number, from: number, to: number | null, next: number | null = null): Attempt {
  return {
    attempt: number,
    at: at(from),
    finished_at: to === null ? null : at(to),
    error: to === null ? null : { message: 'HTTP 503' },
    next_at: next === null ? null : at(next),
  };
}

describe('times', () => {
  test('microseconds are kept', () => {
    expect(millis('2026-11-27T08:00:00.001250Z') - T0).toBeCloseTo(1.25, 3);
    expect(millis('2026-11-27T09:00:00+01:00')).toBe(T0);
    expect(millis(null)).toBeNaN();
  });

  test.each([
    [0.42, '0.4 ms'],
    [12.3, '12 ms'],
    [1840, '1.84 s'],
    [9_999, '10 s'],
    [59_990, '1 min'],
    [902_000, '15 min 2 s'],
    [3_600_000, '1 h'],
    [273_600_000, '3 d 4 h'],
    [null, '–'],
  ])('%s ms are %s', (ms, text) => expect(lasted(ms)).toBe(text));
});

describe('the bars of a step', () => {
  test('each attempt is a bar, and what lies between two is the pause', () => {
    const tried = step({ ended: 3000, tries: [attempt(1, 0, 100, 1000), attempt(2, 1000, 3000)] });
    expect(barsOf(tried, T0 + 9000).map((one) => [one.kind, one.from - T0, one.to - T0, one.open])).toEqual([
      ['work', 0, 100, false],
      ['retry', 100, 1000, false],
      ['work', 1000, 3000, false],
    ]);
    expect(retriesOf(tried)).toBe(1);
  });

  test('a step that waits for its next attempt ends in an open pause up to now', () => {
    const waits = step({ status: 'waiting', tries: [attempt(1, 0, 100, 5000)] });
    expect(barsOf(waits, T0 + 2000).at(-1)).toMatchObject({ kind: 'retry', to: T0 + 2000, open: true });
  });

  test('what is left of a wait lies ahead', () => {
    const waits = step({ action: 'delay', status: 'waiting', waits_until: at(9000) });
    expect(barsOf(waits, T0 + 2000)).toMatchObject([
      { kind: 'delay', to: T0 + 2000, open: true },
      { kind: 'ahead', from: T0 + 2000, to: T0 + 9000 },
    ]);
    expect(barsOf(waits, T0 + 9500)).toHaveLength(1);
  });

  test('a step that runs grows up to now', () => {
    expect(barsOf(step({ tries: [attempt(1, 0, null)] }), T0 + 700)).toMatchObject([{ to: T0 + 700, open: true }]);
  });

  test('a delay is one wait, and a gate has no length', () => {
    expect(barsOf(step({ action: 'delay', ended: 900_000 }), 0)).toMatchObject([{ kind: 'delay', to: T0 + 900_000 }]);
    expect(barsOf(step({ action: 'condition', ended: 0 }), 0)).toMatchObject([{ from: T0, to: T0 }]);
  });
});

describe('the scale', () => {
  test('a true scale is proportional, with round ticks', () => {
    const scale = scaleOf([], 0, 1800, false);
    expect(scale.x(900)).toBeCloseTo(0.5);
    expect(scale.ticks.map((tick) => tick.offset)).toEqual([500, 1000, 1500]);
  });

  test('a wait of a week leaves the work its room', () => {
    const week = 604_800_000;
    const spans = [
      { from: 0, to: 80, busy: true },
      { from: 80, to: week, busy: false },
      { from: week, to: week + 120, busy: true },
    ];
    expect(worthShortening(spans, 0, week + 120)).toBe(true);
    const scale = scaleOf(spans, 0, week + 120, true);
    expect(scale.segments.map((one) => one.broken)).toEqual([false, true, false]);
    expect(scale.x(80)).toBeGreaterThan(0.25);
    expect(scale.x(week) - scale.x(80)).toBeCloseTo(0.16);
    expect(scale.x(week + 120)).toBe(1);
    expect(scale.ticks.some((tick) => tick.offset === week)).toBe(true);
  });

  test('moments keep their order on a shortened scale', () => {
    const spans = [0, 10_000, 400_000].map((from) => ({ from, to: from + 30, busy: true }));
    const scale = scaleOf(spans, 0, 400_030, true);
    const moments = [0, 15, 30, 5000, 10_000, 10_030, 200_000, 400_000, 400_030].map(scale.x);
    expect(moments).toEqual([...moments].sort((a, b) => a - b));
    expect(new Set(moments).size).toBe(moments.length);
    expect(scale.at(scale.x(200_000))).toBeCloseTo(200_000, 3);
    expect(scale.at(2)).toBe(400_030);
  });

  test('of several waits a longer one stays wider', () => {
    const spans = [0, 1000, 100_000].map((from) => ({ from, to: from + 10, busy: true }));
    const [, short, , long] = scaleOf(spans, 0, 100_010, true).segments;
    expect((long?.right ?? 0) - (long?.left ?? 0)).toBeGreaterThan((short?.right ?? 0) - (short?.left ?? 0));
  });

  test('work that takes its time needs no shortening', () => {
    expect(worthShortening([{ from: 0, to: 900, busy: true }], 0, 1000)).toBe(false);
    expect(worthShortening([], 0, 1000)).toBe(false);
  });

  test('a run that took no time has a scale', () => {
    const scale = scaleOf([], 5, 5, true);
    expect(scale.x(5)).toBe(0);
    expect(Number.isFinite(scale.x(6))).toBe(true);
  });

  test('labels do not stand on each other', () => {
    const spans = [0, 50_000, 100_000, 150_000, 200_000].map((from) => ({ from, to: from + 5, busy: true }));
    const labelled = scaleOf(spans, 0, 200_005, true).ticks.filter((tick) => tick.offset !== null);
    const gaps = labelled.slice(1).map((tick, index) => tick.x - (labelled[index]?.x ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThan(0.1);
  });

  test('distances are round', () => {
    expect(roundStep(1800, 9)).toBe(200);
    expect(roundStep(3.1, 6)).toBe(1);
    expect(roundStep(10 * 365 * 86_400_000, 6)).toBeGreaterThan(86_400_000);
  });
});

describe('the rows', () => {
  const again = step({ position: 1, generation: 1, begun: 60_000, ended: 60_050 });
  const resumed = { seq: 4, type: 'run.resumed', at: at(59_000), data: { generation: 1, by: { person: 'jo' } } };

  test('a line stands where a person or an event began the run again', () => {
    const rows = rowsOf({ steps: [again, step({ ended: 100, status: 'failed' })], entries: [resumed] }, 0);
    expect(rows.map((row) => row.kind)).toEqual(['step', 'turn', 'step']);
    expect(rows[1]).toMatchObject({ generation: 1, entry: resumed, at: T0 + 59_000 });
  });

  test('a generation without a step yet has its line too', () => {
    expect(rowsOf({ steps: [step({ ended: 100 })], entries: [resumed] }, 0).at(-1)).toMatchObject({ kind: 'turn' });
  });

  test('the hours before a run was resumed are shortened, unless the true scale is wanted', () => {
    const run = {
      steps: [step({ ended: 100 }), again],
      entries: [resumed],
      started_at: at(0),
      finished_at: at(60_051),
    };
    const rows = rowsOf(run, 0);
    const span = spanOf(run, rows, 0);
    expect(timelineScale(rows, span, null)).toMatchObject({ shortened: true, choice: true });
    expect(timelineScale(rows, span, 'true')).toMatchObject({ shortened: false, choice: true });
  });
});

test('an error says its HTTP status once', () => {
  expect(errorWords({ status: 503, message: 'HTTP 503: away' })).toBe('HTTP 503: away');
  expect(errorWords({ status: 422, message: 'team is unknown' })).toBe('HTTP 422: team is unknown');
  expect(errorWords({ status: 500 })).toBe('HTTP 500');
  expect(errorWords(null)).toBe('');
});

describe('what is selected', () => {
  const run = {
    status: 'failed' as const,
    conditions: null,
    steps: [
      step({ status: 'failed', ended: 5 }),
      step({ position: 1, step_id: 'tell', ended: 9 }),
      step({ position: 2, ended: 9 }),
    ],
    not_reached: [{ step: 'tag', why: 'the run failed' }],
  };

  test('a card that was done twice leads to the last time', () => {
    expect(pickOf('ticket', run)).toBe('2');
    expect(keyOf('0', run)).toBe('ticket');
    expect(keyOf('tag', run)).toBe('tag');
    expect(keyOf('9', run)).toBeNull();
  });

  test('at first it is what failed, or what goes on, or what kept the run from beginning', () => {
    expect(firstPick(run)).toBe('0');
    expect(firstPick({ ...run, status: 'completed' })).toBe('trigger');
    expect(firstPick({ ...run, status: 'skipped' })).toBe('conditions');
    expect(firstPick({ ...run, status: 'running', steps: [step({}), step({ position: 1, ended: 3 })] })).toBe('0');
  });

  test('an address may name what the run has not', () => {
    expect(['trigger', 'conditions', '1', '7', 'tag', 'x'].map((pick) => isPick(pick, run))).toEqual([
      true,
      false,
      true,
      false,
      true,
      false,
    ]);
  });
});
