// The list of runs while the world goes on: what is on the screen stays where it is, and what is new waits above it.
import type { Page, RunBrief, RunSignal, RunStatus } from '@/api/types';

/** All that is known of a list. */
export interface Feed {
  /** From the newest on. */
  rows: RunBrief[];
  /** Where the next page begins. */
  next: string | null;
  /** The first page as it is now, where so many are new that none of it is among `rows`. */
  ahead: Page<RunBrief> | null;
}

/** Newest first; of one moment in the order of the ids, as the Hub lists them. */
function order(a: RunBrief, b: RunBrief): number {
  if (a.started_at !== b.started_at) return a.started_at < b.started_at ? 1 : -1;
  return a.run_id < b.run_id ? 1 : a.run_id > b.run_id ? -1 : 0;
}

/** The list after its first page was read anew. Rows that it should hold and doesn't any more are gone. */
export function withHead(feed: Feed | undefined, head: Page<RunBrief>): Feed {
  const oldest = head.items.at(-1);
  if (!feed || head.next === null || feed.rows.length === 0) return { rows: head.items, next: head.next, ahead: null };
  // The Hub had looked far enough back: what it did not come to may still be there.
  if (!oldest) return feed;
  const known = new Set(feed.rows.map((row) => row.run_id));
  if (!head.items.some((row) => known.has(row.run_id))) return { ...feed, ahead: head };
  const older = feed.rows.filter((row) => order(row, oldest) > 0);
  return { rows: [...head.items, ...older], next: older.length > 0 ? feed.next : head.next, ahead: null };
}

/** The list with one page more at its end. */
export function withMore(feed: Feed, page: Page<RunBrief>): Feed {
  const known = new Set(feed.rows.map((row) => row.run_id));
  return { ...feed, rows: [...feed.rows, ...page.items.filter((row) => !known.has(row.run_id))], next: page.next };
}

/** The list begun anew where it was left behind. */
export function caughtUp(feed: Feed): Feed {
  return feed.ahead ? { rows: feed.ahead.items, next: feed.ahead.next, ahead: null } : feed;
}

/** The list as it is shown to somebody who reads further down: what came since `top` is only counted. */
export function heldBack(feed: Feed, top: RunBrief | undefined): { rows: RunBrief[]; fresh: number } {
  const rows = top ? feed.rows.filter((row) => order(row, top) >= 0) : feed.rows;
  return { rows, fresh: feed.rows.length - rows.length + (feed.ahead?.items.length ?? 0) };
}

const FINAL = new Set<RunStatus>(['completed', 'failed', 'cancelled', 'skipped', 'suppressed']);

/** The list after the news of one run, before the Hub was asked; the same list where it has no such row. */
export function withSignal(feed: Feed, signal: RunSignal, statuses: RunStatus[], now: number): Feed {
  const at = feed.rows.findIndex((row) => row.run_id === signal.run_id);
  const row = feed.rows[at];
  if (!row || row.status === signal.status) return feed;
  if (statuses.length > 0 && !statuses.includes(signal.status)) return { ...feed, rows: feed.rows.toSpliced(at, 1) };
  const over = FINAL.has(signal.status);
  const changed: RunBrief = {
    ...row,
    status: signal.status,
    finished_at: over ? new Date(now).toISOString() : null,
    duration_ms: over ? Math.max(0, now - Date.parse(row.started_at)) : null,
  };
  return { ...feed, rows: feed.rows.with(at, changed) };
}
