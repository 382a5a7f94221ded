// The pieces that a card's sentence is made of: words, variables as chips, values, and what is still missing.
import type { Json } from '../api/types';

export interface Piece {
  kind: 'text' | 'variable' | 'value' | 'blank';
  text: string;
  whole?: string; // of a variable: the expression as written
}
export type Sentence = Piece[];

export const text = (words: string): Piece => ({ kind: 'text', text: words });
export const value = (words: string): Piece => ({ kind: 'value', text: words });
export const blank = (words: string): Piece => ({ kind: 'blank', text: words });

export const plain = (sentence: Sentence): string =>
  sentence
    .map((one) => one.text)
    .join('')
    .replace(/\s+/g, ' ')
    .trim();

export const isFilled = (given: Json | undefined): boolean => given !== undefined && given !== null && given !== '';

const PATH = /^[A-Za-z_][\w-]*(?:\.[\w-]+|\[-?\d+\])*$/;
const words = (parts: string[]) => parts.join(' ').replaceAll('_', ' ');

/**
 * A field as people call it: device.assigned_technician is device assigned technician. What belongs to `entity` is told
 * without it: alert.severity is severity where an alert is the trigger.
 */
export function fieldWords(path: string, entity: string | null = null): string {
  const inner = path.replace(/^\s*\{\{|\}\}\s*$/g, '').trim();
  const name = (inner.split('|', 1)[0] ?? '').trim();
  if (!PATH.test(name)) return inner || '…';
  let parts = name.split('.');
  if (parts[0] === 'event' && parts[1] === 'data' && parts.length > 2) parts = parts.slice(2);
  if (parts[0] === 'steps' && parts.length > 2) return `${words(parts.slice(2))} of ${parts[1]}`;
  if (parts[0] === 'previous' && parts.length > 1) {
    return `previous ${words(parts.slice(parts.length > 2 && parts[1] === entity ? 2 : 1))}`;
  }
  return words(parts.length > 1 && parts[0] === entity ? parts.slice(1) : parts);
}

export function variable(expression: string, entity: string | null = null): Piece {
  const inner = expression.replace(/^\s*\{\{|\}\}\s*$/g, '').trim();
  return { kind: 'variable', text: fieldWords(inner, entity), whole: inner };
}

function shown(given: Json): string {
  if (typeof given === 'string') return given;
  if (Array.isArray(given)) return given.map(shown).join(', ');
  return given === null ? 'nothing' : typeof given === 'object' ? JSON.stringify(given) : String(given);
}

/** A text with its {{expressions}} as chips, its first line alone. */
export function template(given: Json | undefined, missing = '…'): Sentence {
  if (!isFilled(given)) return [blank(missing)];
  if (Array.isArray(given))
    return joined(
      given.map((one) => template(one)),
      ', ',
    );
  if (typeof given !== 'string') return [value(shown(given as Json))];
  const line = given.split('\n', 1)[0] as string;
  const pieces = line.split(/(\{\{.*?\}\})/).flatMap((part): Piece[] => {
    if (part.startsWith('{{')) return [variable(part)];
    return part ? [text(part)] : [];
  });
  return line.length < given.trimEnd().length ? [...pieces, text(' …')] : pieces;
}

/** The same, its texts as values. */
export const asValue = (given: Json | undefined, missing = '…'): Sentence =>
  template(given, missing).map((one) => (one.kind === 'text' ? value(one.text) : one));

export function quoted(given: Json | undefined, missing: string): Sentence {
  const inner = template(given, missing);
  return inner[0]?.kind === 'blank' ? inner : [text('“'), ...inner, text('”')];
}

export const joined = (parts: Sentence[], between = ' · '): Sentence =>
  parts.filter((one) => one.length > 0).flatMap((one, index) => (index === 0 ? one : [text(between), ...one]));

export const orList = (parts: Sentence[], word = 'or'): Sentence =>
  parts.flatMap((one, index) => (index === 0 ? one : [text(index === parts.length - 1 ? ` ${word} ` : ', '), ...one]));
