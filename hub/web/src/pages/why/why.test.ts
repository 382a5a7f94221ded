import { describe, expect, test } from 'vitest';
import type { Why, WhyVerdict } from '@/api/types';
import { questionOf } from './question';
import { reasonWords, sorted, summary } from './verdicts';

function verdict(kind: WhyVerdict['verdict'], more: Partial<WhyVerdict> = {}): WhyVerdict {
  return {
    workflow: kind,
    name: kind,
    verdict: kind,
    reason: '',
    version: 1,
    run_id: null,
    status: null,
    conditions: null,
    failing: [],
    note: null,
    ...more,
  };
}
const why = (...workflows: WhyVerdict[]): Why => ({ event: null, workflows, also: [], dead_letters: [] });

describe('what is asked', () => {
  test('a kind and an id is an entity, also with the organisation before it', () => {
    expect(questionOf(' device/d-17 ', 'acme')).toEqual({ entity: 'device/d-17' });
    expect(questionOf('acme/device/d-17', 'acme')).toEqual({ entity: 'device/d-17' });
  });
  test('all else is the id of an event', () => {
    expect(questionOf('ev-4711', 'acme')).toEqual({ event: 'ev-4711' });
    expect(questionOf('0f8d:1/x', 'acme')).toEqual({ event: '0f8d:1/x' });
    expect(questionOf('  ', 'acme')).toBeNull();
  });
});

describe('the answer', () => {
  test('what ran comes first, and workflows with other triggers stand apart', () => {
    const { told, others } = sorted(
      why(verdict('state'), verdict('other trigger'), verdict('condition'), verdict('ran')),
    );
    expect(told.map((one) => one.verdict)).toEqual(['ran', 'condition', 'state']);
    expect(others).toHaveLength(1);
  });
  test('is told in a line', () => {
    expect(summary(why(verdict('ran'), verdict('guard'), verdict('state')))).toBe('1 ran, 2 did not');
    expect(summary(why(verdict('other trigger')))).toBe('No workflow waits for such an event');
  });
  test('a reason says nothing twice', () => {
    expect(reasonWords(verdict('ran', { reason: 'ran: failed, step note failed: HTTP 503' }))).toBe(
      'step note failed: HTTP 503',
    );
    expect(reasonWords(verdict('ran', { reason: 'ran: completed' }))).toBe('');
    expect(
      reasonWords(verdict('condition', { reason: 'its conditions were false: a', failing: [{ field: 'a' }] })),
    ).toBe('');
    expect(reasonWords(verdict('guard', { reason: 'throttled: at most 1' }))).toBe('throttled: at most 1');
  });
});
