// The present, moving on while something is in progress.
import { useEffect, useState } from 'react';

/** Milliseconds since 1970, four times a second while `runs`; stands still otherwise. */
export function useClock(runs: boolean): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!runs) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, [runs]);
  return now;
}
