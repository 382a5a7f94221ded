import { describe, expect, test } from 'vitest';
import type { RunBrief, RunStatus } from '@/api/types';
import { caughtUp, type Feed, heldBack, withHead, withMore, withSignal } from './feed';
import { chosenOf, filtersOf, rangeWords, statusesOf, toggled, withChosen } from './filters';
import { outcomeOf } from './outcome';
import { entityOf, sentence, subjectOf } from './words';

function run(number: number, status: RunStatus = 'completed'): RunBrief {
  return {
    run_id: `r${number}`,
    workflow_id: 'w',
    workflow_name: 'W',
    workflow_version: 1,
    status,
    trigger_type: 'device.offline',
    entity_key: 'acme/device/d-17',
    entity_name: null,
    started_at: new Date(Date.UTC(2026, 10, 27) + number * 1000).toISOString(),
    finished_at: null,
    duration_ms: null,
    error: null,
    reason: null,
    causation_chain: [],
  };
}
const page = (numbers: number[], next: string | null = 'c') => ({ items: numbers.map((one) => run(one)), next });
const ids = (feed: { rows: RunBrief[] }) => feed.rows.map((row) => row.run_id).join(' ');
const signal = (number: number, status: RunStatus) => ({
  run_id: `r${number}`,
  workflow_id: 'w',
  status,
  entity_key: 'acme/device/d-17',
  type: 'run.completed',
});

describe('a list of runs that goes on', () => {
  const feed: Feed = withMore(withHead(undefined, page([9, 8, 7], 'c7')), page([6, 5], 'c5'));

  test('pages follow each other, and a row stands there once', () => {
    expect(ids(feed)).toBe('r9 r8 r7 r6 r5');
    expect(ids(withMore(feed, page([5, 4], null)))).toBe('r9 r8 r7 r6 r5 r4');
  });

  test('new runs come on top, and further pages stay', () => {
    const grown = withHead(feed, page([11, 10, 9], 'c9'));
    expect(ids(grown)).toBe('r11 r10 r9 r8 r7 r6 r5');
    expect(grown.next).toBe('c5');
  });

  test('a run that no longer fits the filter goes', () => {
    expect(ids(withHead(feed, page([9, 7, 6], 'c6')))).toBe('r9 r7 r6 r5');
  });

  test('a first page without a second is the whole list', () => {
    expect(withHead(feed, page([9], null))).toMatchObject({ next: null, rows: [{ run_id: 'r9' }] });
  });

  test('an empty page that names a next one takes nothing away', () => {
    expect(withHead(feed, page([], 'c0'))).toBe(feed);
    expect(withMore(feed, page([], 'c1'))).toMatchObject({ rows: feed.rows, next: 'c1' });
  });

  test('what came while somebody reads further down is only counted', () => {
    const grown = withHead(feed, page([11, 10, 9], 'c9'));
    expect(heldBack(grown, feed.rows[0])).toMatchObject({ fresh: 2, rows: [{ run_id: 'r9' }, {}, {}, {}, {}] });
    expect(heldBack(grown, undefined).fresh).toBe(0);
  });

  test('where more came than a page holds, the rows stay until the reader catches up', () => {
    const behind = withHead(feed, page([30, 29, 28], 'c28'));
    expect(ids(behind)).toBe(ids(feed));
    expect(heldBack(behind, feed.rows[0]).fresh).toBe(3);
    expect(ids(caughtUp(behind))).toBe('r30 r29 r28');
  });

  test('news of a run changes its row at once, or takes it away where it no longer fits', () => {
    const running = withHead(undefined, { items: [run(2, 'running'), run(1)], next: null });
    const over = withSignal(running, signal(2, 'completed'), [], Date.UTC(2026, 10, 27) + 5000);
    expect(over.rows[0]).toMatchObject({ status: 'completed', duration_ms: 3000 });
    expect(ids(withSignal(running, signal(2, 'completed'), ['running'], 0))).toBe('r1');
    expect(withSignal(running, signal(77, 'failed'), [], 0)).toBe(running);
  });
});

describe('filters in the address', () => {
  test('are read and written, and what is not theirs stays', () => {
    expect(chosenOf('?status=failed&entity=device/d-17&x=1&error=')).toEqual({
      status: 'failed',
      entity: 'device/d-17',
    });
    expect(withChosen('x=1&status=failed', { status: null, last: '24h' })).toBe('x=1&last=24h');
  });

  test('a span counts back from now, to the minute', () => {
    const now = Date.UTC(2026, 10, 27, 8, 30, 42);
    expect(filtersOf({ last: '1h', until: '2020-01-01' }, 'runs', now)).toEqual({
      since: '2026-11-27T07:30:00.000Z',
      kind: 'runs',
    });
    expect(filtersOf({ error: '503' }, 'filtered', now)).toEqual({ error: '503', kind: 'filtered' });
  });

  test('statuses are switched one by one; all of them are none', () => {
    expect(toggled({}, 'runs', 'failed')).toBe('failed');
    expect(toggled({ status: 'failed,waiting' }, 'runs', 'failed')).toBe('waiting');
    expect(toggled({ status: 'skipped' }, 'filtered', 'suppressed')).toBeNull();
    expect(statusesOf({ status: 'skipped,failed' }, 'runs')).toEqual(['failed']);
  });

  test('a range reads as a person would say it', () => {
    expect(rangeWords({})).toBe('Any time');
    expect(rangeWords({ last: '7d' })).toBe('Last 7 days');
    expect(rangeWords({ since: '2026-12-03T14:00', until: '2026-12-03T15:00' })).toBe('3 Dec, 14:00 to 15:00');
  });
});

describe('words', () => {
  test('a run is about its entity, by name where that is known', () => {
    expect(subjectOf(run(1))).toEqual({ name: 'Device d-17', id: null, kind: 'device' });
    expect(subjectOf({ ...run(1), entity_name: 'SRV-01' })).toEqual({
      name: 'SRV-01',
      id: 'device d-17',
      kind: 'device',
    });
    expect(entityOf('acme/ticket/a/b')).toBe('ticket/a/b');
  });

  test('reasons become sentences', () => {
    expect(sentence('throttled: at most 1')).toBe('Throttled: at most 1.');
    expect(sentence('Done.')).toBe('Done.');
    expect(sentence('alert.severity was low')).toBe('alert.severity was low.');
  });

  test('a row says the error, the reason or what was done', () => {
    expect(outcomeOf({ ...run(1, 'failed'), error: 'step a failed' })).toEqual({ text: 'Step a failed.', tone: 'bad' });
    expect(outcomeOf({ ...run(1, 'suppressed'), error: 'throttled' }).text).toBe('Throttled.');
    expect(outcomeOf(run(1), 'ticket T-7').text).toBe('Ticket T-7');
    expect(outcomeOf(run(1), '').text).toBe('Nothing was to be done');
    expect(outcomeOf(run(1)).text).toBe('');
  });
});
