import { describe, expect, it } from 'vitest';
import type { BacktestCounts, BacktestReport } from '../../api/types';
import { barsOf, differencesOf, highest, partsOf, roundUp, samplesOf } from './past';

const counts = (given: Partial<BacktestCounts>): BacktestCounts => ({
  runs: 0,
  skipped: 0,
  loop: 0,
  throttled: 0,
  storm: 0,
  completed: 0,
  failed: 0,
  cancelled: 0,
  ...given,
});
const EVENT = { id: 'ev-1', source: '/rmm', subject: 'device/d-1', time: '2026-11-26T08:00:00Z' };
const REPORT: BacktestReport = {
  workflow: 'w',
  events: 12,
  first_event: null,
  last_event: null,
  totals: { draft: { ...counts({ runs: 3 }), actions: [] }, in_force: { ...counts({}), actions: [] } },
  days: [
    {
      day: '2026-11-26',
      events: 12,
      draft: counts({ runs: 3, skipped: 7, throttled: 2, failed: 1 }),
      in_force: counts({ runs: 5 }),
    },
  ],
  samples: [
    { event: EVENT, draft: { verdict: 'ran', status: 'completed', actions: [{ step: 'ticket' }, { step: 'tell' }] } },
  ],
  differences: {
    same: 2,
    only_draft: { runs: 0, samples: [] },
    only_in_force: {
      runs: 1,
      samples: [
        { event: EVENT, draft: { verdict: 'skipped', reason: 'severity is low' }, in_force: { verdict: 'ran' } },
      ],
    },
    different_actions: { runs: 0, samples: [] },
  },
};

describe('a backtest’s report', () => {
  it('has a bar for every day, also for those without events', () => {
    const bars = barsOf(REPORT, 3, new Date('2026-11-27T10:00:00Z'));
    expect(bars.map((one) => one.day)).toEqual(['2026-11-25', '2026-11-26', '2026-11-27']);
    expect(bars[1]).toMatchObject({ parts: { runs: 3, failed: 1, filtered: 7, suppressed: 2 }, before: { runs: 5 } });
    expect(bars[0]).toMatchObject({ events: 0, parts: { runs: 0 } });
    expect(highest(bars)).toBe(12);
  });

  it('counts what a guard kept from running', () => {
    expect(partsOf(counts({ loop: 1, throttled: 2, storm: 3 })).suppressed).toBe(6);
  });

  it('has a round upper line', () => {
    expect([1, 3, 12, 47, 99, 101].map(roundUp)).toEqual([1, 5, 20, 50, 100, 200]);
  });

  it('tells what differs from the version in force, with events', () => {
    expect(differencesOf(REPORT)).toEqual({
      same: 2,
      kinds: [
        {
          kind: 'only_in_force',
          title: 'ran before, and would not now',
          runs: 1,
          samples: [{ ...EVENT, told: 'severity is low' }],
        },
      ],
    });
    expect(differencesOf({ ...REPORT, differences: null })).toBeNull();
    expect(samplesOf(REPORT)).toEqual([{ ...EVENT, told: 'ticket, tell' }]);
  });
});
