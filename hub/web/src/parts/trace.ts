// What a condition's trace says: which comparisons decided it, and each in words.
import type { ConditionTrace, Json } from '@/api/types';
import { OPERATORS } from './operators';

/** The parts of a group, or none of a comparison. */
export function insideOf(trace: ConditionTrace): ConditionTrace[] {
  if (trace.all) return trace.all;
  if (trace.any) return trace.any;
  return trace.not ? [trace.not] : [];
}

/** Each with its number: the same comparison may stand there twice. */
export function numbered(traces: ConditionTrace[]): { trace: ConditionTrace; key: string }[] {
  return traces.map((trace, index) => ({ trace, key: String(index) }));
}

/** The comparisons that made the whole false: all others could stay as they are. None where it is true. */
export function decisive(trace: ConditionTrace): Set<ConditionTrace> {
  const found = new Set<ConditionTrace>();
  if (trace.result === false) collect(trace, false, found);
  return found;
}

function collect(trace: ConditionTrace, result: boolean, found: Set<ConditionTrace>): void {
  const inner = insideOf(trace);
  if (inner.length === 0) found.add(trace);
  const wanted = trace.not ? !result : result;
  for (const one of inner) if (trace.not || one.result === wanted) collect(one, wanted, found);
}

export interface LeafWords {
  field: string;
  op: string;
  /** What was wanted; null where the comparison needs nothing. */
  wanted: string | null;
  /** “was laptop”, “was missing”. */
  actual: string;
  missing: boolean;
}

/** One comparison in words. */
export function leafWords(leaf: ConditionTrace): LeafWords {
  const op = leaf.op ?? '';
  const missing = leaf.missing === true;
  const negated = op === 'exists' && leaf.value === false;
  const none = op === 'exists' || op === 'changed' || leaf.value === undefined;
  return {
    field: (leaf.field ?? '?').replace(/^\{\{|\}\}$/g, '').trim(),
    op: negated ? 'is missing' : (OPERATORS[op] ?? op.replaceAll('_', ' ')),
    wanted: none ? null : shown(leaf.value),
    actual: missing ? 'was missing' : actualWords(leaf),
    missing,
  };
}

function actualWords(leaf: ConditionTrace): string {
  const before = leaf.previous === undefined ? '' : `, before ${shown(leaf.previous)}`;
  if (leaf.op === 'exists' && leaf.actual === undefined) return 'was there';
  return `was ${shown(leaf.actual)}${before}`;
}

/** A value as a person reads it: text bare, a list with commas, nothing as “nothing”. */
export function shown(value: Json | undefined): string {
  if (value === undefined || value === null) return 'nothing';
  if (value === '') return 'empty';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : value.map(shown).join(', ');
  if (typeof value === 'object') return JSON.stringify(value);
  if (value === true) return 'true';
  return value === false ? 'false' : String(value);
}
