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

/** “4 min ago”, by the page's clock: what happened after its last tick did not happen in the future. */
export function agoAt(at: string, tick: number): string {
  return ago(at, Math.max(tick, Math.min(Date.parse(at) || tick, Date.now())));
}

/** “4 min ago”, with the whole time on hover and for screen readers. */
export function RelativeTime({ at, className }: { at: string; className?: string }) {
  const tick = useNow();
  return (
    <time dateTime={at} title={wholeTime(at)} className={className}>
      {agoAt(at, tick)}
    </time>
  );
}
