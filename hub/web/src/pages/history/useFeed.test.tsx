import { QueryClientProvider } from '@tanstack/react-query';
import { act, renderHook, waitFor } from '@testing-library/react';
import type { ReactNode } from 'react';
import { afterEach, expect, it, vi } from 'vitest';
import { cache } from '@/api/cache';
import * as live from '@/api/live';
import type { RunBrief, RunSignal } from '@/api/types';
import { useFeed } from './useFeed';

afterEach(() => {
  cache.clear();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

const wrapper = ({ children }: { children: ReactNode }) => (
  <QueryClientProvider client={cache}>{children}</QueryClientProvider>
);
const cancelled = (id: string) => ({ run_id: id, status: 'cancelled', started_at: '2026-11-26T12:00:00Z' }) as RunBrief;

it('has a row again that old news took away, though the Hub answers as before', async () => {
  let tell: (signal: RunSignal) => void = () => undefined;
  vi.spyOn(live, 'onRunSignal').mockImplementation((listener) => {
    tell = listener;
    return () => undefined;
  });
  const page = { items: [cancelled('b'), cancelled('a')], next: null };
  const fetch = vi.fn(async () => new Response(JSON.stringify(page)));
  vi.stubGlobal('fetch', fetch);
  const { result } = renderHook(() => useFeed({ status: 'cancelled' }, false), { wrapper });
  await waitFor(() => expect(result.current.rows).toHaveLength(2));
  act(() =>
    tell({ run_id: 'a', workflow_id: 'w', status: 'waiting', entity_key: 'acme/device/d-1', type: 'run.waiting' }),
  );
  await waitFor(() => expect(result.current.rows).toHaveLength(1));
  await act(() => cache.invalidateQueries({ queryKey: ['runs'] }));
  expect(fetch).toHaveBeenCalledTimes(2);
  await waitFor(() => expect(result.current.rows).toHaveLength(2));
});
