import { describe, expect, test } from 'vitest';
import type { Insight } from '@/api/types';
import { buckets, lagTone, roundUp, signals, totals } from './figures';

const minute = (number: number) => new Date(Date.UTC(2026, 10, 27, 8, number)).toISOString();
const series = Array.from({ length: 130 }, (_, at) => ({
  at: minute(at),
  events: 2,
  started: 1,
  completed: 1,
  failed: at === 129 ? 3 : 0,
  filtered: 1,
}));
const calm: Insight = {
  at: minute(0),
  minutes: 60,
  series: [],
  running: 0,
  waiting: 0,
  dead_letters: 0,
  failing: [],
  storms: [],
  lag: [{ group: 'matcher', topic: 'alerts', behind: 3 }],
  projector: { behind: 12, caught_up: true },
  steps: [],
};

describe('the bars of the chart', () => {
  test('are minutes as long as they fit', () => {
    expect(buckets(series.slice(0, 60), 60)).toHaveLength(60);
  });
  test('are put together where there are too many, the last one whole', () => {
    const bars = buckets(series, 60);
    expect(bars).toHaveLength(44);
    expect(bars.at(-1)).toMatchObject({ from: minute(127), until: minute(130), failed: 3, events: 6 });
    expect(bars[0]).toMatchObject({ from: minute(0), until: minute(1) });
    expect(bars.reduce((sum, one) => sum + one.events, 0)).toBe(totals(series).events);
  });
  test('are as long as what they are made of', () => {
    const hours = series.slice(0, 3).map((one, at) => ({ ...one, at: minute(12 * at) }));
    expect(buckets(hours, 60).map((bar) => bar.until)).toEqual([minute(12), minute(24), minute(36)]);
  });
  test('end at a round number', () => {
    expect([0, 4, 7, 23, 140, 1001].map(roundUp)).toEqual([4, 4, 8, 30, 150, 1500]);
  });
});

describe('the signals', () => {
  test('a calm hour has none', () => {
    expect(signals(calm, '')).toEqual([]);
  });
  test('a workflow that fails often is worse than one that failed once, and leads to its failed runs', () => {
    const failing = [
      { workflow_id: 'a', name: 'A', failed: 1, runs: 90, last_error: null },
      { workflow_id: 'b', name: 'B', failed: 9, runs: 20, last_error: null },
    ];
    expect(signals({ ...calm, failing }, '&last=1h').map((one) => [one.tone, one.href])).toEqual([
      ['bad', '/runs?workflow=b&status=failed&last=1h'],
      ['wait', '/runs?workflow=a&status=failed&last=1h'],
    ]);
  });
  test('who is behind is told, by how much', () => {
    const lag = [{ group: 'executor.webhook', topic: 'actions.webhook', behind: 1200 }];
    expect(signals({ ...calm, lag }, '')).toMatchObject([{ tone: 'bad', text: '1,200 records of actions.webhook' }]);
    expect([3, 100, 5000].map(lagTone)).toEqual(['ok', 'wait', 'bad']);
  });
  test('what Kafka has not told is no news', () => {
    expect(signals({ ...calm, lag: [], projector: { behind: 0, caught_up: false } }, '')).toEqual([]);
    expect(signals({ ...calm, projector: { behind: 7, caught_up: false } }, '')).toMatchObject([{ tone: 'wait' }]);
  });
  test('loops and storms and dead letters count, throttles are as asked for', () => {
    const storm = { workflow_id: 'a', name: null, suppressed: 5, last_at: minute(1), reason: '' };
    const storms = ['loop', 'storm', 'throttle'].map((guard) => ({ ...storm, guard }));
    expect(signals({ ...calm, storms, dead_letters: 1 }, '').map((one) => one.title)).toEqual([
      '1 dead letter',
      'a is in a loop',
      'Storm at a',
    ]);
  });
});
