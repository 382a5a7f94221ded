import { describe, expect, test } from 'vitest';
import { eventOf, isCut, jsonFault, lineOf, parsed, placeWords, pretty, reasonOf } from './letters';

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

  test('is cut where it is large', () => {
    expect(isCut('x'.repeat(16 * 1024))).toBe(true);
    expect(isCut('ä'.repeat(8 * 1024))).toBe(true);
    expect(isCut(value)).toBe(false);
  });

  test('has a reason and a place, as far as they are known', () => {
    expect(reasonOf({ field: 'time', reason: 'is required' })).toBe('time is required');
    expect(reasonOf({ field: null, reason: 'is not JSON' })).toBe('is not JSON');
    expect(placeWords({ topic: 'alerts', partition: 3, offset: 7 })).toBe('alerts, partition 3, offset 7');
    expect(placeWords({ topic: 'alerts', partition: -1, offset: -1 })).toBe('alerts');
  });
});
