// What a plain path leads to in an event, for a preview at once; filters and all else the Hub evaluates.

import type { Json, Row } from '../../api/types';

export const MISSING = Symbol('missing');
export type Found = Json | typeof MISSING;

const PATH = /^[A-Za-z_][\w-]*(?:\.[\w-]+|\[-?\d+\])*$/;

export const isPath = (text: string): boolean => PATH.test(text.trim());

/** The expression inside {{ }}, where a text is one and nothing else. */
export function loneExpression(text: string): string | null {
  const found = /^\s*\{\{((?:(?!\}\}).)*)\}\}\s*$/s.exec(text);
  return found ? (found[1] ?? '').trim() : null;
}

export interface Around {
  event: Row; // the whole CloudEvent
  steps?: Record<string, Json>; // what steps returned
}

export function lookUp(around: Around, path: string): Found {
  const parts = path
    .trim()
    .replace(/\[(-?\d+)\]/g, '.$1')
    .split('.');
  const [root = '', ...rest] = parts;
  const { event } = around;
  if (root === 'event') {
    const subject = String(event.subject ?? '');
    if (rest[0] === 'subject_type') return subject.split('/', 1)[0] ?? MISSING;
    if (rest[0] === 'subject_id') return subject.slice(subject.indexOf('/') + 1);
    return walk(event, rest);
  }
  if (root === 'org') return event.orgid ?? MISSING;
  if (root === 'steps') return walk((around.steps ?? {}) as Row, rest);
  if (root === 'workflow' || root === 'run') return MISSING;
  return walk((event.data ?? {}) as Row, parts);
}

function walk(from: Json, parts: string[]): Found {
  let value: Json = from;
  for (const part of parts) {
    const next: Json | undefined =
      value && typeof value === 'object' ? (Array.isArray(value) ? value.at(Number(part)) : value[part]) : undefined;
    if (next === undefined) return MISSING;
    value = next;
  }
  return value;
}

/** The text with its plain {{paths}} filled in; null where it has anything else, which the Hub has to evaluate. */
export function fillIn(text: string, around: Around): string | null {
  let plain = true;
  const made = text.replace(/\{\{((?:(?!\}\}).)*)\}\}/gs, (_, inner: string) => {
    if (!isPath(inner)) {
      plain = false;
      return '';
    }
    const found = lookUp(around, inner);
    return found === MISSING || found === null ? '' : asText(found);
  });
  return plain ? made : null;
}

export const asText = (value: Json): string =>
  typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value ?? '');
