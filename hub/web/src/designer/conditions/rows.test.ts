import { describe, expect, it } from 'vitest';
import type { FieldInfo, Leaf, OperatorInfo } from '../../api/types';
import { comparisonOf, comparisons, firstValue, typedValue, withComparison, withField } from './rows';

const OPERATORS: OperatorInfo[] = [
  { op: 'equals', title: 'is', types: ['text', 'number'], value: 'one' },
  { op: 'greater_than', title: 'is greater than', types: ['number'], value: 'one' },
  { op: 'in', title: 'is one of', types: ['text', 'number'], value: 'list' },
  { op: 'contains', title: 'contains', types: ['list'], value: 'one' },
  { op: 'exists', title: 'exists', types: ['text', 'number', 'list', 'object'], value: 'none' },
];
const field = (type: FieldInfo['type'], choices: string[] | null = null): FieldInfo => ({
  path: 'x.y',
  title: 'Y',
  type,
  choices,
  sample: null,
  description: null,
});
const named = (id: string) => {
  const found = comparisons(OPERATORS, undefined).find((one) => one.id === id);
  if (!found) throw new Error(id);
  return found;
};

describe('a row of a condition', () => {
  it('offers the comparisons that its field’s type allows, existence both ways', () => {
    expect(comparisons(OPERATORS, 'list').map((one) => one.title)).toEqual(['contains', 'exists', 'does not exist']);
    expect(comparisonOf({ field: 'x', op: 'exists', value: false })).toBe('exists:false');
  });

  it('takes its value along from one comparison to another', () => {
    const leaf: Leaf = { field: 'x', op: 'equals', value: 'critical' };
    const list = withComparison(leaf, named('in'));
    expect(list).toEqual({ field: 'x', op: 'in', value: ['critical'] });
    expect(withComparison(list, named('equals'))).toEqual(leaf);
    expect(withComparison(leaf, named('exists'))).toEqual({ field: 'x', op: 'exists' });
    expect(withComparison(leaf, named('exists:false'))).toEqual({ field: 'x', op: 'exists', value: false });
    expect(withComparison({ field: 'x', op: 'exists', value: false }, named('equals'), 'high')).toMatchObject({
      value: 'high',
    });
  });

  it('proposes what the event has', () => {
    expect(firstValue(field('text', ['critical', 'high']), 'high')).toBe('high');
    expect(firstValue(field('text', ['critical', 'high']), 'odd')).toBe('critical');
    expect(firstValue(field('number'), 5)).toBe(5);
    expect(firstValue(field('text'), 'a'.repeat(41))).toBe('');
  });

  it('keeps its comparison with another field where that fits, and else takes the first that does', () => {
    const leaf: Leaf = { field: 'a', op: 'greater_than', value: 3, case_sensitive: true };
    expect(withField(leaf, 'x.y', field('number'), 7, OPERATORS)).toEqual({
      field: 'x.y',
      op: 'greater_than',
      value: 7,
      case_sensitive: true,
    });
    expect(withField(leaf, 'x.y', field('text'), 'server', OPERATORS)).toMatchObject({ op: 'equals', value: 'server' });
    expect(withField({ field: 'a', op: 'exists' }, 'x.y', field('text'), 'server', OPERATORS)).toEqual({
      field: 'x.y',
      op: 'exists',
    });
  });

  it('reads a number where the field is one', () => {
    expect(typedValue('3.5', 'number')).toBe(3.5);
    expect(typedValue('007', 'text')).toBe('007');
    expect(typedValue('3.', 'number')).toBe('3.');
  });
});
