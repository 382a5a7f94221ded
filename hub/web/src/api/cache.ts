// The one cache of what the Hub has answered.
import { QueryClient } from '@tanstack/react-query';
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

// The session is asked again, and its own answer leads to the sign-in page.
onSignedOut(() => {
  if (cache.getQueryData(['session'])) void cache.invalidateQueries({ queryKey: ['session'] });
});
