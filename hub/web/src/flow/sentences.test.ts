import { describe, expect, it } from 'vitest';
import type { Condition, Step } from '../api/types';
import { actOf, neighbourOf } from './acts';
import { fieldWords, plain, template } from './pieces';
import { conditionSentence, entityOf, stepSentence, stepTitle, triggerNotes } from './sentences';

const told = (condition: Condition) => plain(conditionSentence(condition, 'alert'));
const step = (action: string, given: Record<string, unknown>) =>
  plain(stepSentence({ id: 'x', action, with: given } as Step));
const leaf = (field: string, op: string, value?: unknown): Condition => ({ field, op, value }) as Condition;

describe('a condition as a sentence', () => {
  it.each<[string, Condition]>([
    ['severity is critical', leaf('alert.severity', 'equals', 'critical')],
    [
      'severity is critical or high',
      { any: [leaf('alert.severity', 'equals', 'critical'), leaf('alert.severity', 'equals', 'high')] },
    ],
    ['severity is critical, high or low', leaf('alert.severity', 'in', ['critical', 'high', 'low'])],
    ['severity is neither low nor info', leaf('alert.severity', 'not_in', ['low', 'info'])],
    ['device criticality is greater than 3', leaf('device.criticality', 'greater_than', 3)],
    ['device name does not exist', leaf('device.name', 'exists', false)],
    ['status has changed', leaf('{{alert.status}}', 'changed')],
    [
      'severity is critical and (device type is server or not (company tags contains test))',
      {
        all: [
          leaf('alert.severity', 'equals', 'critical'),
          { any: [leaf('device.type', 'equals', 'server'), { not: leaf('company.tags', 'contains', 'test') }] },
        ],
      },
    ],
    ['which field?', leaf('', 'equals', 'x')],
    ['severity is what?', leaf('alert.severity', 'equals', '')],
  ])('%s', (words, condition) => expect(told(condition)).toBe(words));
});

describe('a card’s sentence', () => {
  it.each<[string, string, Record<string, unknown>]>([
    [
      '“alert title on device name” · P1 · on board Alerts',
      'create_ticket',
      { title: '{{alert.title}} on {{device.name | upcase}}', priority: 'P1', board: 'Alerts' },
    ],
    ['no title yet', 'create_ticket', {}],
    [
      'email to device assigned technician email: “Down”',
      'send_notification',
      { channel: 'email', to: '{{device.assigned_technician.email}}', subject: 'Down', body: 'x' },
    ],
    ['Teams: “Down …”', 'send_notification', { channel: 'teams', to: 'secret:TEAMS', body: 'Down\nBadly' }],
    ['status In progress, priority P1', 'update_ticket', { fields: { status: 'In progress', priority: 'P1' } }],
    ['wait 15 minutes', 'delay', { for: 'PT15M' }],
    ['wait until the next business day of calendar nl', 'delay', { until: 'next_business_day', calendar: 'nl' }],
    ['wait until ticket due at', 'delay', { until: '{{ticket.due_at}}' }],
    ['POST https://hooks.example', 'webhook', { url: 'https://hooks.example' }],
    ['team no team yet', 'escalate_on_call', { team: '' }],
    ['restart on the device', 'run_script', { script_id: 'restart' }],
    ['set criticality to 5', 'update_field', { field: 'criticality', value: 5 }],
    ['id of ticket', 'add_tag', { tag: '{{steps.ticket.id}}' }],
  ])('%s', (words, action, given) => expect(step(action, given)).toBe(words));

  it('has the step’s own name as its title, or what it does', () => {
    expect(stepTitle({ id: 'x', action: 'create_ticket', name: 'Open it' })).toBe('Open it');
    expect(stepTitle({ id: 'x', condition: leaf('a', 'exists') })).toBe('Only continue if');
    expect(stepTitle({ id: 'x', if: leaf('a', 'exists') })).toBe('Branch');
  });

  it('names fields as people do', () => {
    expect(fieldWords('event.data.device.name')).toBe('device name');
    expect(fieldWords('previous.ticket.status', 'ticket')).toBe('previous status');
    expect(fieldWords('alert.severity', 'alert')).toBe('severity');
    expect(fieldWords('alert', 'alert')).toBe('alert');
    expect(entityOf('entity.sync_conflict')).toBe('conflict');
    expect(template('{{a.b | default: "x"}}')[0]).toMatchObject({ kind: 'variable', whole: 'a.b | default: "x"' });
  });
});

describe('a trigger’s card', () => {
  it('tells what ends the runs, what begins them anew, and how many there may be', () => {
    const definition = {
      id: 'w',
      name: 'W',
      state: 'draft' as const,
      steps: [],
      cancel_on: [
        { type: 'ticket.updated', where: { field: 'ticket.status', op: 'in', value: ['Closed', 'Resolved'] } },
      ],
      restart_on: [{ type: 'ticket.updated' }],
      throttle: { key: '{{device.id | default: alert.id}}', limit: 1, per: '30m' },
    };
    expect(triggerNotes(definition)).toEqual([
      'Cancelled by: Ticket updated (ticket status is Closed or Resolved)',
      'Starts again on: Ticket updated',
      'At most 1 in 30 minutes for each device id',
    ]);
  });
});

describe('a key on a card', () => {
  const key = (name: string, more: object = {}) =>
    ({ key: name, altKey: false, ctrlKey: false, metaKey: false, ...more }) as never;
  it('is what the list of keys says', () => {
    expect(actOf(key('Enter'), 'a')).toEqual({ do: 'edit', key: 'a' });
    expect(actOf(key('+'), 'trigger')).toEqual({ do: 'insert-after', key: 'trigger' });
    expect(actOf(key('Delete'), 'trigger')).toBeNull();
    expect(actOf(key('Delete'), 'conditions')).toEqual({ do: 'remove', key: 'conditions' });
    expect(actOf(key('ArrowUp', { altKey: true }), 'a')).toEqual({ do: 'shift', path: 'a', way: 'up' });
    expect(actOf(key('ArrowUp', { altKey: true }), 'conditions')).toBeNull();
    expect(actOf(key('d', { ctrlKey: true }), 'a')).toEqual({ do: 'duplicate', path: 'a' });
    expect(actOf(key('s', { ctrlKey: true }), 'a')).toBeNull();
    expect(actOf(key('x'), 'a')).toBeNull();
  });

  it('goes to the next card that way', () => {
    const card = (name: string, x: number, y: number) => ({ key: name, x, y, width: 260 });
    const cards = [card('which', 150, 0), card('yes', 0, 120), card('no', 300, 120), card('after', 150, 240)];
    const go = (from: string, arrow: string) => neighbourOf(from, arrow, cards);
    expect(go('which', 'ArrowDown')).toBe('yes');
    expect(go('yes', 'ArrowRight')).toBe('no');
    expect(go('no', 'ArrowLeft')).toBe('yes');
    expect(go('no', 'ArrowDown')).toBe('after');
    expect(go('after', 'ArrowDown')).toBeNull();
    expect(go('after', 'x')).toBeNull();
  });
});
