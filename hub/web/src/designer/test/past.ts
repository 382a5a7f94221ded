// A backtest's report in the words and heights of its chart.

import type { BacktestCounts, BacktestReport, Row } from '../../api/types';

export interface Parts {
  runs: number; // that would run, the failed ones among them
  failed: number;
  filtered: number; // conditions were false
  suppressed: number; // a guard said no
}

export const partsOf = (counts: BacktestCounts): Parts => ({
  runs: counts.runs,
  failed: counts.failed,
  filtered: counts.skipped,
  suppressed: counts.loop + counts.throttled + counts.storm,
});

export interface Bar {
  day: string;
  events: number;
  parts: Parts;
  before: Parts | null; // of the version in force
}

/** Every day of the span, also those on which nothing happened. */
export function barsOf(report: BacktestReport, days: number, today: Date): Bar[] {
  const known = new Map(report.days.map((one) => [one.day, one]));
  const compared = report.differences !== null;
  const nothing: BacktestCounts = {
    runs: 0,
    skipped: 0,
    loop: 0,
    throttled: 0,
    storm: 0,
    completed: 0,
    failed: 0,
    cancelled: 0,
  };
  return Array.from({ length: days }, (_, index) => {
    const day = new Date(today.getTime() - (days - 1 - index) * 86_400_000).toISOString().slice(0, 10);
    const found = known.get(day);
    return {
      day,
      events: found?.events ?? 0,
      parts: partsOf(found?.draft ?? nothing),
      before: compared ? partsOf(found?.in_force ?? nothing) : null,
    };
  });
}

export const highest = (bars: Bar[]): number =>
  Math.max(
    1,
    ...bars.flatMap(({ parts, before }) => [parts.runs + parts.filtered + parts.suppressed, before?.runs ?? 0]),
  );

/** A round number not below: the chart's upper line. */
export function roundUp(number: number): number {
  const size = 10 ** Math.floor(Math.log10(Math.max(1, number)));
  const step = [1, 2, 5, 10].find((one) => one * size >= number) ?? 10;
  return step * size;
}

export interface Difference {
  kind: string;
  title: string;
  runs: number;
  samples: { id: string; source: string; subject: string; time: string; told: string }[];
}

const KINDS: [string, string][] = [
  ['only_draft', 'would run now, and did not before'],
  ['only_in_force', 'ran before, and would not now'],
  ['different_actions', 'would do something else'],
];

const isRow = (value: unknown): value is Row => typeof value === 'object' && value !== null && !Array.isArray(value);
const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** What the definition would do otherwise than the version in force, each kind with some of its events. */
export function differencesOf(report: BacktestReport): { same: number; kinds: Difference[] } | null {
  const { differences } = report;
  if (!differences) return null;
  const kinds = KINDS.flatMap(([kind, title]): Difference[] => {
    const found = differences[kind];
    if (!isRow(found) || typeof found.runs !== 'number' || found.runs === 0) return [];
    const samples = Array.isArray(found.samples) ? found.samples.filter(isRow) : [];
    return [{ kind, title, runs: found.runs, samples: samples.map((one) => sampleOf(one, kind)) }];
  });
  return { same: typeof differences.same === 'number' ? differences.same : 0, kinds };
}

function sampleOf(sample: Row, kind = 'draft'): Difference['samples'][number] {
  const event = isRow(sample.event) ? sample.event : {};
  const side =
    sample[kind === 'only_in_force' ? 'draft' : kind === 'only_draft' ? 'in_force' : 'draft'] ?? sample.draft;
  const actions =
    isRow(side) && Array.isArray(side.actions) ? side.actions.filter(isRow).map((one) => text(one.step)) : [];
  const told = isRow(side) ? text(side.reason) || text(side.verdict) : '';
  return {
    id: text(event.id),
    source: text(event.source),
    subject: text(event.subject),
    time: text(event.time),
    told: kind === 'draft' ? actions.join(', ') : told === 'ran' ? actions.join(', ') : told.replaceAll('_', ' '),
  };
}

export const samplesOf = (report: BacktestReport): Difference['samples'] => report.samples.map((one) => sampleOf(one));
