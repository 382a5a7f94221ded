import { useSyncExternalStore } from 'react';
import { ago, wholeTime } from './time';

// One clock for all times on a page: they move on together.
const TICK_MS = 10_000;
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;
const listeners = new Set<() => void>();

function listen(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    now = Date.now();
    for (const one of listeners) one();
  }, TICK_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** The time that all relative times on the page are told from. */
export function useNow(): number {
  return useSyncExternalStore(listen, () => now);
}

/** “4 min ago”, with the whole time on hover and for screen readers. */
export function RelativeTime({ at, className }: { at: string; className?: string }) {
  const seen = useNow();
  // What happened after the last tick did not happen in the future.
  const from = Math.max(seen, Math.min(Date.parse(at), Date.now()));
  return (
    <time dateTime={at} title={wholeTime(at)} className={className}>
      {ago(at, from)}
    </time>
  );
}
