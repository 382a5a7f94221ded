import { QueryObserver } from '@tanstack/react-query';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { askAgain, cache } from './cache';

afterEach(() => cache.clear());

/** A list on a page: what the Hub was asked, each to be answered by the test, and what the page shows. */
function page() {
  const asked: ((rows: number) => void)[] = [];
  const queryFn = vi.fn(() => new Promise<number>((resolve) => asked.push(resolve)));
  const observer = new QueryObserver(cache, { queryKey: ['runs', { status: 'cancelled' }], queryFn });
  const leave = observer.subscribe(() => undefined);
  return { asked, leave, shown: () => observer.getCurrentResult().data };
}

describe('asking again', () => {
  it('asks once more where the first answer may be older than the news', async () => {
    const { asked, leave, shown } = page();
    askAgain({ queryKey: ['runs'] });
    expect(asked).toHaveLength(1);
    asked[0]?.(1);
    await vi.waitFor(() => expect(asked).toHaveLength(2));
    expect(shown()).toBe(1);
    asked[1]?.(3);
    await vi.waitFor(() => expect(shown()).toBe(3));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(asked).toHaveLength(2);
    leave();
  });

  it('asks at once where there is an answer, and nothing that nobody shows', async () => {
    const { asked, leave, shown } = page();
    asked[0]?.(1);
    await vi.waitFor(() => expect(shown()).toBe(1));
    askAgain({ queryKey: ['runs'] });
    askAgain({ queryKey: ['workflows'] });
    await vi.waitFor(() => expect(asked).toHaveLength(2));
    leave();
    askAgain({ queryKey: ['runs'] });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(asked).toHaveLength(2);
  });
});
