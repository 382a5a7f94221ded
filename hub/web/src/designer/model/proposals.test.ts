import { describe, expect, it } from 'vitest';
import type { Definition, TriggerInfo } from '../../api/types';
import { amountOf, inWords, secondsOf } from './durations';
import { insert } from './edit';
import { placeAfter, placeAtEnd, proposedName, proposedRow, proposedStep } from './proposals';
import { EMPTY } from './random.testing';
import { fillIn, lookUp, MISSING } from './scope';

const field = (path: string, choices: string[] | null = null) => ({
  path,
  title: path,
  type: 'text' as const,
  choices,
  sample: null,
  description: null,
});
const ALERT: TriggerInfo = {
  type: 'alert.triggered',
  title: 'Alert triggered',
  description: 'A monitoring alert fires',
  source: 'RMM',
  entity: 'alert',
  fields: [
    field('alert.title'),
    field('alert.severity', ['critical', 'high']),
    field('device.assigned_technician.email'),
  ],
  sample: {},
};
const title = (action: string) =>
  ({ create_ticket: 'Create ticket', send_notification: 'Send notification' })[action] ?? action;
const EVENT = { orgid: 'acme', subject: 'alert/a-1', data: { alert: { title: 'Disk full', tags: ['x', 'y'] } } };

describe('a proposal', () => {
  it('asks for the field that tells most of the trigger', () => {
    expect(proposedRow(ALERT)).toEqual({ field: 'alert.severity', op: 'equals', value: 'critical' });
    const asked = { field: 'alert.severity', op: 'equals', value: 'critical' };
    expect(proposedRow(ALERT, asked, true)).toEqual({ ...asked, value: 'high' });
    expect(proposedRow(ALERT, asked)).toEqual({ field: 'device.type', op: 'equals', value: 'server' });
    expect(proposedRow(undefined)).toEqual({ field: '', op: 'equals', value: '' });
  });

  it('fills a new step with what the trigger knows', () => {
    const asked: Definition = { ...EMPTY, conditions: proposedRow(ALERT) };
    expect(proposedStep(asked, { action: 'create_ticket' }, placeAtEnd(asked), ALERT)).toMatchObject({
      id: 'create-ticket',
      with: { priority: 'P1', title: '{{alert.title}} on {{device.name | default: company.name}}' },
    });
    expect(proposedStep(asked, { action: 'send_notification' }, placeAtEnd(asked), ALERT)).toMatchObject({
      with: { channel: 'email', to: '{{device.assigned_technician.email}}' },
    });
  });

  it('changes the ticket that the workflow opened where none triggered it', () => {
    const [opened] = insert(EMPTY, placeAtEnd(EMPTY), { id: 'ticket', action: 'create_ticket' });
    expect(proposedStep(opened, { action: 'update_ticket' }, placeAfter(opened, 'ticket'))).toMatchObject({
      with: { ticket_id: '{{steps.ticket.id}}' },
    });
  });

  it('names a workflow by what it does', () => {
    const asked: Definition = { ...EMPTY, conditions: proposedRow(ALERT) };
    const [one] = insert(asked, placeAtEnd(asked), { id: 'a', action: 'create_ticket' });
    expect(proposedName(one, title)).toBe('Create ticket when a critical alert triggers');
    const [two] = insert(one, placeAtEnd(one), { id: 'b', action: 'send_notification' });
    expect(proposedName(two, title)).toBe('Create ticket and send notification when a critical alert triggers');
    expect(proposedName({ ...EMPTY, trigger: { type: 'invoice.overdue' } }, title)).toBe('When an invoice is overdue');
    expect(proposedName({ ...EMPTY, trigger: null }, title)).toBe('');
  });
});

describe('a path', () => {
  it('leads to a value of the event, or nowhere', () => {
    expect(lookUp({ event: EVENT }, 'alert.title')).toBe('Disk full');
    expect(lookUp({ event: EVENT }, 'alert.tags[-1]')).toBe('y');
    expect(lookUp({ event: EVENT }, 'event.subject_id')).toBe('a-1');
    expect(lookUp({ event: EVENT }, 'device.name')).toBe(MISSING);
    expect(lookUp({ event: EVENT, steps: { ticket: { id: 'T-1' } } }, 'steps.ticket.id')).toBe('T-1');
  });

  it('is filled in where a text has nothing but paths', () => {
    expect(fillIn('{{alert.title}} on {{ device.name }}!', { event: EVENT })).toBe('Disk full on !');
    expect(fillIn('{{alert.title | upcase}}', { event: EVENT })).toBeNull();
  });
});

describe('a duration', () => {
  it.each([
    ['PT15M', 900, '15 minutes'],
    ['15m', 900, '15 minutes'],
    ['90s', 90, '90 seconds'],
    ['P1DT12H', 129_600, '36 hours'],
    ['7d', 604_800, '7 days'],
    ['P1W', 604_800, '7 days'],
    ['1h', 3_600, '1 hour'],
    ['PT0.5S', 0.5, '0.5 seconds'],
  ])('%s is %d seconds: %s', (text, seconds, words) => {
    expect(secondsOf(text)).toBe(seconds);
    expect(inWords(text)).toBe(words);
  });

  it('is none where the Hub says so', () => {
    for (const text of ['', 'P', 'PT', '15', '15 m', 'soon', '-5m']) expect(amountOf(text)).toBeNull();
  });
});
