import { describe, expect, it } from 'vitest';
import type { Definition, Simulation } from '../../api/types';
import { branch, EMPTY } from '../model/random.testing';
import { fieldsLookedAt, NO_CHANGES, requestOf, statusOf } from './trial';

const DEFINITION: Definition = {
  ...EMPTY,
  conditions: { any: [{ field: 'alert.severity', op: 'equals', value: '{{company.level}}' }] },
  steps: [
    {
      id: 'ticket',
      action: 'create_ticket',
      with: { title: '{{alert.title}} on {{device.name | default: company.name}}' },
    },
    branch(
      'which',
      [{ id: 'tell', action: 'webhook', with: { body: { a: ['{{steps.ticket.id}}', '{{alert.title}}'] } } }],
      [],
    ),
  ],
};

describe('a trial', () => {
  it('asks for the sample of the trigger, or for an event, with what is changed', () => {
    expect(requestOf(DEFINITION, NO_CHANGES)).toEqual({
      definition: { ...DEFINITION, state: 'draft' },
      event: { type: 'alert.triggered' },
    });
    const asked = requestOf(DEFINITION, {
      envelope: { id: 'ev-1' },
      changes: { 'alert.severity': 'high' },
      failing: { ticket: 'once', tell: 'fine', gone: 'always' },
      signals: [{ type: 'alert.resolved', after: '5m' }],
    });
    expect(asked).toMatchObject({
      event: { envelope: { id: 'ev-1' } },
      changes: { 'alert.severity': 'high' },
      fail: { ticket: { status: 503, times: 1 } },
      signals: [{ type: 'alert.resolved', after: '5m' }],
    });
    expect(Object.keys(asked?.fail ?? {})).toEqual(['ticket']);
    expect(requestOf({ ...DEFINITION, trigger: null }, NO_CHANGES)).toBeNull();
  });

  it('offers the fields that the workflow looks at, each once', () => {
    expect(fieldsLookedAt(DEFINITION)).toEqual([
      'alert.severity',
      'company.level',
      'alert.title',
      'device.name',
      'company.name',
    ]);
  });

  it('lights the way that was taken', () => {
    const step = { position: 0, started: '', attempts: [], waits: [], action: 'x' };
    const simulation = {
      status: 'completed',
      conditions: { result: true },
      steps: [
        { ...step, step: 'ticket', status: 'succeeded', attempts: [{ at: '' }, { at: '' }] },
        { ...step, step: 'which', action: 'condition', status: 'succeeded', result: false },
      ],
    } as unknown as Simulation;
    expect(statusOf(DEFINITION, simulation)).toEqual({
      trigger: { state: 'reached', word: 'Happened' },
      conditions: { state: 'true' },
      ticket: { state: 'succeeded', note: '2 attempts' },
      which: { state: 'false' },
      end: { state: 'succeeded' },
    });
  });
});
