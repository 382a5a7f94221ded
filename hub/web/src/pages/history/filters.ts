// What a list of runs is narrowed to: as it stands in the address, and as it is asked.
import type { RunFilters } from '@/api/queries';
import type { RunStatus } from '@/api/types';

export type RunKind = 'runs' | 'filtered';

export const STATUSES: Record<RunKind, RunStatus[]> = {
  runs: ['failed', 'running', 'waiting', 'completed', 'cancelled'],
  filtered: ['skipped', 'suppressed'],
};

export interface Span {
  value: string;
  label: string;
  ms: number;
}
export const SPANS: Span[] = [
  { value: '15m', label: 'Last 15 minutes', ms: 900_000 },
  { value: '1h', label: 'Last hour', ms: 3_600_000 },
  { value: '6h', label: 'Last 6 hours', ms: 21_600_000 },
  { value: '24h', label: 'Last 24 hours', ms: 86_400_000 },
  { value: '7d', label: 'Last 7 days', ms: 604_800_000 },
  { value: '30d', label: 'Last 30 days', ms: 2_592_000_000 },
];

/** The names in the address, in the order in which they are written there. */
export const NAMES = ['workflow', 'status', 'entity', 'trigger', 'error', 'last', 'since', 'until'] as const;
export type Name = (typeof NAMES)[number];
export type Chosen = Partial<Record<Name, string>>;

/** What the address says; empty values count as not chosen. */
export function chosenOf(search: string): Chosen {
  const params = new URLSearchParams(search);
  const chosen: Chosen = {};
  for (const name of NAMES) {
    const value = params.get(name);
    if (value) chosen[name] = value;
  }
  return chosen;
}

/** The address with some of it changed; `null` takes a filter away. What the list doesn't know of stays. */
export function withChosen(search: string, change: Partial<Record<Name, string | null>>): string {
  const params = new URLSearchParams(search);
  for (const [name, value] of Object.entries(change)) {
    if (value) params.set(name, value);
    else params.delete(name);
  }
  return params.toString();
}

/** The question to the Hub. A time span counts back from `now`, which is kept to the minute so that the answer can be cached. */
export function filtersOf(chosen: Chosen, kind: RunKind, now: number): RunFilters {
  const span = SPANS.find((one) => one.value === chosen.last);
  const minute = Math.floor(now / 60_000) * 60_000;
  const since = span ? new Date(minute - span.ms).toISOString() : chosen.since;
  return clean({
    workflow: chosen.workflow,
    status: chosen.status,
    entity: chosen.entity,
    trigger: chosen.trigger,
    error: chosen.error,
    since,
    until: span ? undefined : chosen.until,
    kind,
  });
}

function clean(filters: RunFilters): RunFilters {
  return Object.fromEntries(Object.entries(filters).filter(([, value]) => value)) as RunFilters;
}

/** The statuses that are chosen, of those that this list has. */
export function statusesOf(chosen: Chosen, kind: RunKind): RunStatus[] {
  const wanted = new Set(chosen.status?.split(',') ?? []);
  return STATUSES[kind].filter((status) => wanted.has(status));
}

/** The status filter after one was switched on or off; none where all or none are chosen. */
export function toggled(chosen: Chosen, kind: RunKind, status: RunStatus): string | null {
  const on = new Set(statusesOf(chosen, kind));
  if (!on.delete(status)) on.add(status);
  const all = STATUSES[kind];
  return on.size === 0 || on.size === all.length ? null : all.filter((one) => on.has(one)).join(',');
}

/** How the time range reads: Last hour; 3 Dec, 14:00 to 15:00; Any time. */
export function rangeWords(chosen: Chosen): string {
  const span = SPANS.find((one) => one.value === chosen.last);
  if (span) return span.label;
  const { since, until } = chosen;
  if (since && until) return `${moment(since)} to ${moment(until, since)}`;
  if (since) return `Since ${moment(since)}`;
  if (until) return `Until ${moment(until)}`;
  return 'Any time';
}

const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });

function moment(text: string, after?: string): string {
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) return text;
  const time = clock.format(at);
  return after && day.format(new Date(after)) === day.format(at) ? time : `${day.format(at)}, ${time}`;
}
