// The one cache of what the Hub has answered.
import { type InvalidateQueryFilters, QueryClient } from '@tanstack/react-query';
import { isProblem, onSignedOut } from './client';

export const cache = new QueryClient({
  defaultOptions: {
    queries: {
      // The stream says when something changed (live.ts); until then an answer is taken as it is.
      staleTime: 30_000,
      refetchOnWindowFocus: false,
      retry: (failures, error) => failures < 2 && isProblem(error) && (error.status === 0 || error.status === 503),
    },
    mutations: { retry: false },
  },
});

/** Has what these stand for asked again, since it may have changed.
 *
 * What is being asked for the first time may have been read before the change, and the query client would take its answer
 * for the new one: that is asked once more when it is there. */
export function askAgain(filters: InvalidateQueryFilters): void {
  const first = cache
    .getQueryCache()
    .findAll(filters)
    .filter(({ state }) => state.fetchStatus === 'fetching' && state.data === undefined);
  void cache.invalidateQueries(filters);
  for (const query of first) {
    const { queryKey } = query;
    const again = () => void cache.invalidateQueries({ queryKey, exact: true });
    // Behind the answer's own way into the cache.
    query.promise?.then(
      () => setTimeout(again),
      () => undefined,
    );
  }
}

// The session is asked again, and its own answer leads to the sign-in page.
onSignedOut(() => {
  if (cache.getQueryData(['session'])) void cache.invalidateQueries({ queryKey: ['session'] });
});
