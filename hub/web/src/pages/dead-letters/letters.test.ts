import { describe, expect, test } from 'vitest';
import { eventOf, jsonFault, lineOf, parsed, pretty } from './letters';

const value = '{"id":"ev-1","source":"/rmm","data":{"id":"x","device":{"id":"d-1","criticality":"high"}}}';

describe('the value of a dead letter', () => {
  test('is told with line breaks where it is JSON, and as it is where not', () => {
    expect(pretty(value).split('\n')).toHaveLength(11);
    expect(pretty('{"id":')).toBe('{"id":');
    expect(pretty(null)).toBe('');
    expect(parsed('null')).toEqual({ json: null });
  });

  test('may hold an event', () => {
    expect(eventOf(value)).toEqual({ id: 'ev-1', source: '/rmm' });
    expect(eventOf('[1]')).toBeNull();
    expect(eventOf('{"id":7}')).toBeNull();
  });

  test('has a fault at a line', () => {
    const text = pretty(value);
    expect(lineOf(text, { pointer: '/data/device/criticality', field: '' })).toBe(8);
    expect(lineOf(text, { pointer: '', field: 'data.id' })).toBe(5);
    expect(lineOf(text, { pointer: '/time', field: '' })).toBeNull();
    expect(lineOf(text, { pointer: '/data/device/name', field: '' })).toBe(6);
  });

  test('is sent only as JSON', () => {
    expect(jsonFault('{}')).toBeNull();
    expect(jsonFault(' ')).toBe('It is empty.');
    expect(jsonFault('{')).toMatch(/^It is not JSON/);
  });
});
