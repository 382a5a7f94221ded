// Durations as definitions write them (PT15M, 15m) and as people do (15 minutes).

export const UNITS = ['seconds', 'minutes', 'hours', 'days', 'weeks'] as const;
export type Unit = (typeof UNITS)[number];

export interface Amount {
  amount: number;
  unit: Unit;
}

const LETTERS: Record<Unit, string> = { seconds: 's', minutes: 'm', hours: 'h', days: 'd', weeks: 'w' };
const SECONDS: Record<Unit, number> = { seconds: 1, minutes: 60, hours: 3_600, days: 86_400, weeks: 604_800 };
const SHORT = /^(\d{1,12}(?:\.\d{1,9})?)(ms|s|m|h|d|w)$/;
const ISO =
  /^P(?!$)(?:(\d{1,6}(?:[.,]\d+)?)W)?(?:(\d{1,7}(?:[.,]\d+)?)D)?(?:T(?!$)(?:(\d{1,9}(?:[.,]\d+)?)H)?(?:(\d{1,10}(?:[.,]\d+)?)M)?(?:(\d{1,12}(?:[.,]\d{1,9})?)S)?)?$/;

/** The seconds of a duration, or null where the text is none. */
export function secondsOf(text: string): number | null {
  const trimmed = text.trim();
  const short = SHORT.exec(trimmed);
  if (short) {
    const letter = short[2] as string;
    if (letter === 'ms') return Number(short[1]) / 1_000;
    const unit = UNITS.find((one) => LETTERS[one] === letter) as Unit;
    return Number(short[1]) * SECONDS[unit];
  }
  const iso = ISO.exec(trimmed);
  if (!iso) return null;
  const parts: Unit[] = ['weeks', 'days', 'hours', 'minutes', 'seconds'];
  return parts.reduce((sum, unit, index) => sum + Number((iso[index + 1] ?? '0').replace(',', '.')) * SECONDS[unit], 0);
}

/** The duration in the largest unit in which it is a whole number: PT15M is 15 minutes, 90s stays 90 seconds. */
export function amountOf(text: string): Amount | null {
  const seconds = secondsOf(text);
  if (seconds === null) return null;
  const written = SHORT.exec(text.trim());
  const same = written && UNITS.find((one) => LETTERS[one] === written[2]);
  if (same) return { amount: Number(written[1]), unit: same };
  const unit = [...UNITS]
    .reverse()
    .find((one) => seconds >= SECONDS[one] && Number.isInteger(seconds / SECONDS[one]) && one !== 'weeks');
  return { amount: seconds / SECONDS[unit ?? 'seconds'], unit: unit ?? 'seconds' };
}

export const textOf = ({ amount, unit }: Amount): string => `${amount}${LETTERS[unit]}`;

/** 15 minutes, 1 day; what is no duration as it stands. */
export function inWords(text: string): string {
  const found = amountOf(text);
  if (!found) return text;
  return `${found.amount} ${found.amount === 1 ? found.unit.slice(0, -1) : found.unit}`;
}
