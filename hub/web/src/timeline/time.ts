// Times of the run log have microseconds, which Date drops: what follows keeps them, as milliseconds with a fraction.

const RFC3339 = /^(\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2})(?:\.(\d+))?(Z|[+-]\d{2}:?\d{2})?$/i;

/** Milliseconds since 1970, with a fraction; NaN for what is no time. */
export function millis(text: string | null | undefined): number {
  if (!text) return NaN;
  const [, whole, fraction, zone] = RFC3339.exec(text) ?? [];
  if (!whole) return Date.parse(text);
  const seconds = Date.parse(`${whole.replace(' ', 'T')}${zone ?? 'Z'}`);
  return fraction ? seconds + Number(`0.${fraction}`) * 1000 : seconds;
}

const UNITS: [size: number, name: string][] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1000, 's'],
];

/** A length of time in at most two units: 0.4 ms, 12 ms, 1.84 s, 15 min 2 s, 3 d 4 h. */
export function lasted(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return '–';
  if (ms < 0) return '0 ms';
  if (ms < 9.95) return `${trimmed(ms, 1)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9_995) return `${trimmed(ms / 1000, 2)} s`;
  if (ms < 59_950) return `${trimmed(ms / 1000, 1)} s`;
  const seconds = Math.round(ms / 1000) * 1000;
  const [unit, next] = UNITS.slice(UNITS.findIndex(([size]) => seconds >= size));
  if (!unit) return `${seconds / 1000} s`;
  const whole = Math.floor(seconds / unit[0]);
  const rest = next ? Math.floor((seconds - whole * unit[0]) / next[0]) : 0;
  return next && rest > 0 ? `${whole} ${unit[1]} ${rest} ${next[1]}` : `${whole} ${unit[1]}`;
}

function trimmed(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)));
}
