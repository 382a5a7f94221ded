// A row of a condition: which comparisons a field allows, and what becomes of operator and value when the field changes.

import type { FieldInfo, Json, Leaf, OperatorInfo } from '../../api/types';

export type Compared = 'one' | 'list' | 'none';

/** A comparison as it is offered: of `exists` both ways are. */
export interface Comparison {
  id: string;
  title: string;
  op: string;
  compared: Compared;
  absent?: boolean; // exists with the value false
}

const ABSENT = 'exists:false';

export function comparisons(operators: OperatorInfo[], type: FieldInfo['type'] | undefined): Comparison[] {
  return operators
    .filter((one) => type === undefined || one.types.includes(type))
    .flatMap((one): Comparison[] => {
      const made: Comparison = { id: one.op, title: one.title, op: one.op, compared: one.value };
      if (one.op !== 'exists') return [made];
      return [made, { ...made, id: ABSENT, title: 'does not exist', absent: true }];
    });
}

export const comparisonOf = (leaf: Leaf): string => (leaf.op === 'exists' && leaf.value === false ? ABSENT : leaf.op);

/** The row with another comparison; its value goes along as far as it can. */
export function withComparison(leaf: Leaf, to: Comparison, first: Json = ''): Leaf {
  const { value, ...rest } = leaf;
  if (to.compared === 'none') return { ...rest, op: to.op, ...(to.absent && { value: false }) };
  const old = leaf.op === 'exists' || value === undefined ? first : value;
  if (to.compared === 'list') return { ...rest, op: to.op, value: listOf(old) };
  return { ...rest, op: to.op, value: Array.isArray(old) ? (old[0] ?? first) : old };
}

function listOf(value: Json): Json {
  if (Array.isArray(value) || (typeof value === 'string' && value.includes('{{'))) return value;
  return value === '' || value === null ? [] : [value];
}

/** What a row is compared with at first: a choice, or what this event has. */
export function firstValue(
  field: Pick<FieldInfo, 'type' | 'choices' | 'sample'> | undefined,
  now: Json | undefined,
): Json {
  const seen = now ?? field?.sample ?? undefined;
  if (field?.choices && field.choices.length > 0) {
    return typeof seen === 'string' && field.choices.includes(seen) ? seen : (field.choices[0] ?? '');
  }
  if (field?.type === 'boolean') return typeof seen === 'boolean' ? seen : true;
  if (field?.type === 'number') return typeof seen === 'number' ? seen : 0;
  if (field?.type === 'list') return Array.isArray(seen) && isShort(seen[0]) ? (seen[0] as Json) : '';
  return isShort(seen) ? (seen as Json) : '';
}

const isShort = (value: Json | undefined): boolean =>
  typeof value === 'string' && value.length > 0 && value.length <= 40;

/** The row with another field; a comparison that does not fit it becomes the first that does. */
export function withField(
  leaf: Leaf,
  path: string,
  info: FieldInfo | undefined,
  now: Json | undefined,
  operators: OperatorInfo[],
): Leaf {
  const allowed = comparisons(operators, info?.type);
  const kept = allowed.find((one) => one.id === comparisonOf(leaf)) ?? allowed[0];
  if (!kept) return { ...leaf, field: path };
  const value = firstValue(info, now);
  const { value: _, ...rest } = leaf;
  return withComparison({ ...rest, field: path, op: kept.op, value }, kept, value);
}

/** What is typed as a value: a number where the field is one, else text. */
export function typedValue(text: string, type: FieldInfo['type'] | undefined): Json {
  if (type === 'number' && /^-?\d+(\.\d+)?$/.test(text.trim())) return Number(text);
  return text;
}

export const valueText = (value: Json | undefined): string =>
  value === undefined || value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value);
