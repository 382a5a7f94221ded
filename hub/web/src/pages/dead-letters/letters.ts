// What a dead letter holds, and how its faults are found in it.
import type { DeadLetter, Fault, Json } from '@/api/types';

/** The value as a document, if it is one. */
export function parsed(value: string | null): { json: Json } | null {
  if (value === null) return null;
  try {
    return { json: JSON.parse(value) as Json };
  } catch {
    return null;
  }
}

/** The value to be read and edited: JSON with line breaks, or the text as it is. */
export function pretty(value: string | null): string {
  const document = parsed(value);
  return document ? JSON.stringify(document.json, null, 2) : (value ?? '');
}

/** What keeps a text from being sent, in words; null where nothing does. */
export function jsonFault(text: string): string | null {
  if (!text.trim()) return 'It is empty.';
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    return error instanceof Error ? `It is not JSON: ${error.message}.` : 'It is not JSON.';
  }
}

/** The id and source of the event in it, so that one can ask what became of it. */
export function eventOf(value: string | null): { id: string; source: string } | null {
  const document = parsed(value)?.json;
  if (typeof document !== 'object' || document === null || Array.isArray(document)) return null;
  const { id, source } = document;
  return typeof id === 'string' && id ? { id, source: typeof source === 'string' ? source : '' } : null;
}

/** The line of a pretty-printed document that a fault is about; null where it has no such place. */
export function lineOf(text: string, fault: Pick<Fault, 'pointer' | 'field'>): number | null {
  const names = namesOf(fault);
  const lines = text.split('\n');
  let at = -1;
  let depth = 0;
  for (const name of names) {
    const next = lines.findIndex((line, index) => index > at && indentOf(line) > depth && isNamed(line, name));
    if (next < 0) break;
    at = next;
    depth = indentOf(lines[next] ?? '');
  }
  return at < 0 ? null : at + 1;
}

function namesOf({ pointer, field }: Pick<Fault, 'pointer' | 'field'>): string[] {
  if (pointer) return pointer.split('/').slice(1).map(unescaped);
  return field.split(/[.[\]]+/).filter(Boolean);
}

const unescaped = (part: string): string => part.replaceAll('~1', '/').replaceAll('~0', '~');
const indentOf = (line: string): number => line.length - line.trimStart().length;
const isNamed = (line: string, name: string): boolean => line.trimStart().startsWith(`${JSON.stringify(name)}:`);

const KEPT_BYTES = 16 * 1024;

/** Of a large value only the beginning is kept. */
export function isCut(value: string | null): boolean {
  return value !== null && new TextEncoder().encode(value).length > KEPT_BYTES - 4;
}

/** data.device.criticality should be a number: what is wrong, with its place where it has one. */
export function reasonOf({ field, reason }: Pick<DeadLetter, 'field' | 'reason'>): string {
  return field ? `${field} ${reason}` : reason;
}

/** alerts, partition 3, offset 1017. */
export function placeWords(letter: Pick<DeadLetter, 'topic' | 'partition' | 'offset'>): string {
  if (letter.partition < 0) return letter.topic;
  return `${letter.topic}, partition ${letter.partition}, offset ${letter.offset}`;
}
