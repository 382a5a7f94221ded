// A list of runs that follows what happens. Its first page is asked anew at each piece of news; further pages once.
import { skipToken, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useMemo, useRef, useState } from 'react';
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

  useEffect(() => {
    if (head.data) cache.setQueryData<Feed>(key, (known) => withHead(known, head.data));
  }, [head.data, cache, key]);
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
    loading: !feed && !head.error,
    error: head.error,
    retry: () => void head.refetch(),
    ...useMore(key, feed),
  };
}

function useMore(key: readonly ['run-feed', RunFilters], feed: Feed | undefined) {
  const cache = useQueryClient();
  const [asking, setAsking] = useState(false);
  const [moreError, setMoreError] = useState<unknown>(null);
  async function more(): Promise<void> {
    if (!feed?.next || asking) return;
    setAsking(true);
    setMoreError(null);
    try {
      const page = await get<Page<RunBrief>>('/runs', { ...key[1], cursor: feed.next });
      cache.setQueryData<Feed>(key, (known) => known && withMore(known, page));
    } catch (error) {
      setMoreError(error);
    }
    setAsking(false);
  }
  return { more: feed?.next ? () => void more() : null, loadingMore: asking, moreError };
}

/** The value, or while there is none the one before. */
function useLast<T>(value: T | undefined): T | undefined {
  const last = useRef(value);
  if (value !== undefined) last.current = value;
  return value ?? last.current;
}
