import { describe, expect, test } from 'vitest';
import { decisive, leafWords } from './trace';

const yes = { field: 'a', op: 'equals', value: 1, actual: 1, result: true };
const no = { field: 'b', op: 'equals', value: 'server', actual: 'laptop', result: false };
const other = { field: 'c', op: 'exists', missing: true, result: false };

describe('what made a condition false', () => {
  test('of all: those that are false', () => {
    expect([...decisive({ all: [yes, no], result: false })]).toEqual([no]);
  });
  test('of any: every one', () => {
    expect([...decisive({ any: [no, other], result: false })]).toEqual([no, other]);
  });
  test('a false comparison in a group that holds is not to blame', () => {
    expect([...decisive({ all: [{ any: [yes, no], result: true }, other], result: false })]).toEqual([other]);
  });
  test('of not: the comparison that was true', () => {
    expect([...decisive({ not: yes, result: false })]).toEqual([yes]);
  });
  test('nothing where the whole is true', () => {
    expect(decisive({ any: [yes, no], result: true }).size).toBe(0);
  });
});

test('a comparison reads as a sentence', () => {
  expect(leafWords(no)).toMatchObject({ field: 'b', op: 'is', wanted: 'server', actual: 'was laptop' });
  expect(leafWords(other)).toMatchObject({ op: 'exists', wanted: null, actual: 'was missing', missing: true });
  expect(
    leafWords({ field: '{{ticket.status}}', op: 'changed', actual: 'New', previous: 'Open', result: true }),
  ).toMatchObject({
    field: 'ticket.status',
    actual: 'was New, before Open',
  });
  expect(leafWords({ field: 'x', op: 'in', value: ['a', 'b'], actual: [], result: false })).toMatchObject({
    wanted: 'a, b',
    actual: 'was an empty list',
  });
});
