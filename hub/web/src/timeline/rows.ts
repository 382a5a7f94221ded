import type { Run, RunEntry, RunStep } from '../api/types';
import { type Bar, barsOf } from './bars';
import { type Scale, type Span, scaleOf, worthShortening } from './scale';
import { millis } from './time';

export interface StepRow {
  kind: 'step';
  step: RunStep;
  bars: Bar[];
}
/** The line between two generations: who began the run again, when, and how. */
export interface TurnRow {
  kind: 'turn';
  generation: number;
  entry: RunEntry | null;
  at: number;
}
export type TimelineRow = StepRow | TurnRow;

/** The rows of a run's timeline: its steps as they began, with a line where a generation begins. */
export function rowsOf(run: Pick<Run, 'steps' | 'entries'>, now: number): TimelineRow[] {
  const rows: TimelineRow[] = [];
  const turns = turnsOf(run.entries);
  let generation = 0;
  for (const step of [...run.steps].sort((a, b) => a.position - b.position)) {
    while (step.generation > generation) {
      generation += 1;
      rows.push(turnRow(generation, turns, millis(step.started_at)));
    }
    rows.push({ kind: 'step', step, bars: barsOf(step, now) });
  }
  for (const [later, entry] of turns) {
    if (later > generation) rows.push({ kind: 'turn', generation: later, entry, at: millis(entry.at) });
  }
  return rows;
}

function turnRow(generation: number, turns: Map<number, RunEntry>, fallback: number): TurnRow {
  const entry = turns.get(generation) ?? null;
  return { kind: 'turn', generation, entry, at: entry ? millis(entry.at) : fallback };
}

/** The entries that began a generation, by its number. */
function turnsOf(entries: RunEntry[]): Map<number, RunEntry> {
  const turns = new Map<number, RunEntry>();
  for (const entry of entries) {
    const generation = entry.data.generation;
    if ((entry.type === 'run.resumed' || entry.type === 'run.restarted') && typeof generation === 'number')
      turns.set(generation, entry);
  }
  return turns;
}

/** From the beginning of the run to its end, or for one that goes on, to the present. */
export function spanOf(
  run: Pick<Run, 'started_at' | 'finished_at'>,
  rows: TimelineRow[],
  now: number,
): [number, number] {
  const from = millis(run.started_at);
  let to = run.finished_at ? millis(run.finished_at) : Math.max(now, from);
  for (const row of rows) if (row.kind === 'step') for (const bar of row.bars) to = Math.max(to, bar.to);
  return [from, to];
}

/** The scale on which a run is drawn, and whether another one would show more. */
export function timelineScale(
  rows: TimelineRow[],
  [from, to]: [number, number],
  wanted: 'true' | 'short' | null,
): { scale: Scale; shortened: boolean; choice: boolean } {
  const spans: Span[] = rows.flatMap((row) =>
    row.kind === 'step' ? row.bars.map((bar) => ({ from: bar.from, to: bar.to, busy: bar.kind === 'work' })) : [],
  );
  const choice = worthShortening(spans, from, to);
  const shortened = choice && wanted !== 'true';
  return { scale: scaleOf(spans, from, to, shortened), shortened, choice };
}
