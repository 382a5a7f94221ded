// What the runs of a list did: asked for behind the list, for the rows that are shown, each once for each status.
import { useEffect, useState } from 'react';
import { get } from '@/api/client';
import type { Outcomes, RunBrief } from '@/api/types';

const MOST = 100; // of one question
const KEPT = 5_000;
const PAUSE_MS = 80;

/** By run id. */
const known = new Map<string, { status: string; did: string }>();

/** Runs whose row says something else: an error, or the reason that kept it from running. */
const SAID = new Set<RunBrief['status']>(['failed', 'skipped', 'suppressed']);

/** Those of the runs of which it is not known yet what they did in their present status. */
export function unknownOf(rows: RunBrief[]): RunBrief[] {
  return rows.filter((row) => !SAID.has(row.status) && known.get(row.run_id)?.status !== row.status);
}

export function didOf(run: RunBrief): string | undefined {
  return known.get(run.run_id)?.did;
}

async function ask(rows: RunBrief[], signal: AbortSignal): Promise<void> {
  const runs = rows.map((row) => row.run_id);
  const { outcomes } = await get<Outcomes>('/outcomes', { runs }, signal).catch((error: unknown) => {
    if (signal.aborted) throw error;
    // Then a row says no more than its status.
    return { outcomes: {} } as Outcomes;
  });
  for (const row of rows) known.set(row.run_id, { status: row.status, did: outcomes[row.run_id] ?? '' });
  for (const id of known.keys()) {
    if (known.size <= KEPT) break;
    known.delete(id);
  }
}

/** Draws again once it is known what these runs did. */
export function useOutcomes(rows: RunBrief[]): void {
  const [, setAnswers] = useState(0);
  const next = unknownOf(rows).slice(0, MOST);
  const name = next.map((row) => `${row.run_id} ${row.status}`).join();
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is asked is told apart by its name
  useEffect(() => {
    if (next.length === 0) return;
    const control = new AbortController();
    const timer = setTimeout(() => {
      ask(next, control.signal)
        .then(() => setAnswers((count) => count + 1))
        .catch(() => undefined);
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      control.abort();
    };
  }, [name]);
}
