import { lasted, millis } from './time';
import { useClock } from './useClock';

/** How long something took, or has been going on for. */
export function Elapsed({ since, ms }: { since: string; ms: number | null }) {
  const now = useClock(ms === null);
  if (ms !== null) return lasted(ms);
  return lasted(Math.floor(Math.max(0, now - millis(since)) / 1000) * 1000 || 0);
}
