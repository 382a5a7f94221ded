// A list of runs that follows what happens. Its first page is asked anew at each piece of news; further pages once.
import { skipToken, useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { get } from '@/api/client';
import { onRunSignal, pollUnlessLive } from '@/api/live';
import { queries, type RunFilters } from '@/api/queries';
import type { Page, RunBrief, RunStatus } from '@/api/types';
import { caughtUp, type Feed, heldBack, withHead, withMore, withSignal } from './feed';

const POLL_MS = 10_000;

export interface RunFeed {
  rows: RunBrief[];
  /** Runs that came while the list is held; `release` shows them. */
  fresh: number;
  release: () => void;
  /** Nothing is known yet of what is asked; rows of the question before may still stand there. */
  loading: boolean;
  error: unknown;
  retry: () => void;
  more: (() => void) | null;
  loadingMore: boolean;
  moreError: unknown;
}

/** `held`: the reader is further down, so nothing may move. */
export function useFeed(filters: RunFilters, held: boolean): RunFeed {
  const cache = useQueryClient();
  const name = JSON.stringify(filters);
  // biome-ignore lint/correctness/useExhaustiveDependencies: filters are told apart by what they say
  const key = useMemo(() => ['run-feed', filters] as const, [name]);
  const head = useQuery({ ...queries.runsHead(filters), refetchInterval: pollUnlessLive(POLL_MS) });
  const feed = useQuery<Feed>({ queryKey: key, queryFn: skipToken }).data;
  const [top, setTop] = useState<RunBrief | undefined>();
  const shown = useLast(feed);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the same answer again counts too, for old news may have taken rows away
  useEffect(() => {
    if (head.data) cache.setQueryData<Feed>(key, (known) => withHead(known, head.data));
  }, [head.data, head.dataUpdatedAt, cache, key]);
  useEffect(() => {
    const statuses = (key[1].status?.split(',') ?? []) as RunStatus[];
    return onRunSignal((signal) =>
      cache.setQueryData<Feed>(key, (known) => known && withSignal(known, signal, statuses, Date.now())),
    );
  }, [cache, key]);
  const first = feed?.rows[0];
  useEffect(() => setTop((now) => (held ? (now ?? first) : undefined)), [held, first]);
  const behind = !held && feed?.ahead;
  useEffect(() => {
    if (behind) cache.setQueryData<Feed>(key, (known) => known && caughtUp(known));
  }, [behind, cache, key]);

  return {
    ...(shown ? heldBack(shown, held ? top : undefined) : { rows: [], fresh: 0 }),
    release() {
      cache.setQueryData<Feed>(key, (known) => known && caughtUp(known));
      setTop(undefined);
    },
    loading: (!feed && !head.error) || (feed?.rows.length === 0 && feed.next !== null),
    error: head.error,
    retry: () => void head.refetch(),
    ...useMore(key, feed),
  };
}

const LOOKS = 20;

function useMore(key: readonly ['run-feed', RunFilters], feed: Feed | undefined) {
  const cache = useQueryClient();
  const [asking, setAsking] = useState(false);
  const [moreError, setMoreError] = useState<unknown>(null);
  const next = feed?.next ?? null;
  const more = useCallback(async () => {
    setAsking(true);
    setMoreError(null);
    try {
      // A page may be empty and name a next one: then nothing was found so far back, and it is looked further.
      let cursor: string | null = next;
      for (let look = 0; cursor && look < LOOKS; look += 1) {
        const page: Page<RunBrief> = await get<Page<RunBrief>>('/runs', { ...key[1], cursor });
        cache.setQueryData<Feed>(key, (known) => known && withMore(known, page));
        cursor = page.items.length === 0 ? page.next : null;
      }
    } catch (error) {
      setMoreError(error);
    }
    setAsking(false);
  }, [cache, key, next]);
  const bare = feed !== undefined && feed.rows.length === 0 && next !== null;
  useEffect(() => {
    if (bare && !asking && !moreError) void more();
  }, [bare, asking, moreError, more]);
  return { more: next ? () => !asking && void more() : null, loadingMore: asking, moreError };
}

/** The value, or while there is none the one before. */
function useLast<T>(value: T | undefined): T | undefined {
  const last = useRef(value);
  if (value !== undefined) last.current = value;
  return value ?? last.current;
}
