// What the designer proposes, so that nothing needs to be typed: a condition for a trigger, parameters for an action, a name.

import type { ActionStep, Condition, Definition, Json, Leaf, Step, TriggerInfo } from '../../api/types';
import { isLeaf, leaves } from './conditions';
import { slug } from './ids';
import { before, everyStep, isAction, isBranch, type ListKey, ownerOf, type Place, stepsOf } from './tree';

interface Telling {
  one: string; // what a run is for: a critical alert
  happens: string; // … triggers
  ask: Leaf; // what is asked most of such an event
  also: Leaf[]; // … and what after it
  headline: string; // what a ticket or a mail about it is called
  body: string; // … and says
  people: string[]; // whom to write to, the first that is known
}

const SERVER: Leaf = { field: 'device.type', op: 'equals', value: 'server' };
const MANAGED: Leaf = { field: 'company.tags', op: 'contains', value: 'managed' };

const TICKET = {
  one: 'ticket',
  ask: { field: 'ticket.priority', op: 'equals', value: 'P1' },
  also: [{ field: 'ticket.board', op: 'equals', value: 'Service Desk' }, MANAGED],
  body: '{{ticket.description}}',
  people: ['ticket.assignee.email', 'company.account_manager.email'],
};
const DEVICE = {
  one: 'device',
  ask: SERVER,
  also: [{ field: 'device.criticality', op: 'greater_or_equal', value: 4 }, MANAGED],
  people: ['device.assigned_technician.email', 'company.account_manager.email'],
};
const INVOICE = { one: 'invoice', also: [MANAGED], people: ['invoice.contact.email', 'company.primary_contact.email'] };

const TRIGGERS: Record<string, Telling> = {
  'ticket.created': { ...TICKET, happens: 'is created', headline: 'New ticket {{ticket.id}}: {{ticket.title}}' },
  'ticket.updated': {
    ...TICKET,
    happens: 'is updated',
    ask: { field: 'ticket.status', op: 'changed' },
    headline: 'Ticket {{ticket.id}} was updated: {{ticket.title}}',
    body: 'Status {{ticket.status}}, priority {{ticket.priority}}.',
  },
  'ticket.sla_breach': {
    ...TICKET,
    happens: 'breaches its SLA',
    headline: 'SLA breached: {{ticket.id}} {{ticket.title}}',
    body: '{{ticket.id}} of {{company.name}} was not answered in time.',
  },
  'alert.triggered': {
    one: 'alert',
    happens: 'triggers',
    ask: { field: 'alert.severity', op: 'equals', value: 'critical' },
    also: [SERVER, MANAGED],
    headline: '{{alert.title}} on {{device.name | default: company.name}}',
    body: '{{alert.message}}',
    people: ['device.assigned_technician.email', 'company.account_manager.email'],
  },
  'alert.resolved': {
    one: 'alert',
    happens: 'is resolved',
    ask: { field: 'alert.severity', op: 'equals', value: 'critical' },
    also: [SERVER, MANAGED],
    headline: 'Resolved: {{alert.title}} on {{device.name | default: company.name}}',
    body: '{{alert.message}}',
    people: ['device.assigned_technician.email', 'company.account_manager.email'],
  },
  'device.offline': {
    ...DEVICE,
    happens: 'goes offline',
    headline: '{{device.name}} is offline',
    body: '{{device.name}} of {{company.name}} was last seen {{device.last_seen_at | default: event.time}}.',
  },
  'device.online': {
    ...DEVICE,
    happens: 'is online again',
    headline: '{{device.name}} is online again',
    body: '{{device.name}} of {{company.name}} checks in again.',
  },
  'backup.failed': {
    one: 'backup',
    happens: 'fails',
    ask: SERVER,
    also: [MANAGED],
    headline: 'Backup {{backup.job}} of {{device.name | default: company.name}} failed',
    body: '{{backup.error}}',
    people: ['company.primary_contact.email', 'device.assigned_technician.email'],
  },
  'invoice.overdue': {
    ...INVOICE,
    happens: 'is overdue',
    ask: { field: 'invoice.balance', op: 'greater_than', value: 1000 },
    headline: 'Invoice {{invoice.number | default: invoice.id}} is overdue',
    body: 'Open balance: {{invoice.balance}} {{invoice.currency}}, due {{invoice.due_at}}.',
  },
  'invoice.paid': {
    ...INVOICE,
    happens: 'is paid',
    ask: { field: 'invoice.amount', op: 'greater_than', value: 1000 },
    headline: 'Invoice {{invoice.number | default: invoice.id}} is paid',
    body: '{{invoice.amount}} {{invoice.currency}} of {{company.name}}.',
  },
  'contact.created': {
    one: 'contact',
    happens: 'is added',
    ask: { field: 'contact.email', op: 'exists' },
    also: [MANAGED],
    headline: 'New contact {{contact.name}}',
    body: '{{contact.name}} of {{company.name}}: {{contact.email}}, {{contact.phone}}.',
    people: ['company.account_manager.email', 'contact.email'],
  },
  'deal.stage_changed': {
    one: 'deal',
    happens: 'changes stage',
    ask: { field: 'deal.stage', op: 'equals', value: 'Closed Won' },
    also: [{ field: 'deal.value', op: 'greater_than', value: 10_000 }],
    headline: '{{deal.name}} is now {{deal.stage}}',
    body: '{{deal.name}}, worth {{deal.value}} {{deal.currency}}.',
    people: ['deal.owner.email', 'company.account_manager.email'],
  },
  'company.created': {
    one: 'company',
    happens: 'is added',
    ask: { field: 'company.primary_contact.email', op: 'exists' },
    also: [MANAGED],
    headline: 'New company {{company.name}}',
    body: '{{company.name}}, {{company.domain}}.',
    people: ['company.account_manager.email', 'company.primary_contact.email'],
  },
  'entity.sync_conflict': {
    one: 'sync conflict',
    happens: 'is detected',
    ask: { field: 'conflict.kind', op: 'contains', value: 'duplicate' },
    also: [{ field: 'conflict.score', op: 'greater_than', value: 0.9 }],
    headline: '{{conflict.kind}} of {{conflict.entity_type}} {{conflict.entity_id}}',
    body: 'Field {{conflict.field}}, in {{conflict.systems | join: ", "}}.',
    people: ['company.account_manager.email'],
  },
};

/**
 * The row that a condition begins with: the field that tells most of such an event, and the value asked most. Where some
 * are asked already, the next: with `or` another value of the same field, else another field.
 */
export function proposedRow(trigger: TriggerInfo | undefined, others: Condition | null = null, or = false): Leaf {
  const about = trigger && TRIGGERS[trigger.type];
  if (!about) return { field: '', op: 'equals', value: '' };
  const asked = others ? leaves(others).map((one) => one.leaf) : [];
  const last = asked[asked.length - 1];
  const more = last && or ? nextValue(trigger, last, asked) : null;
  if (more) return more;
  const fields = new Set(asked.map((one) => one.field));
  return [about.ask, ...about.also].find((one) => !fields.has(one.field)) ?? about.ask;
}

/** Of a field that is asked already, the first of its values that is not. */
function nextValue(trigger: TriggerInfo, last: Leaf, asked: Leaf[]): Leaf | null {
  const choices = trigger.fields.find((one) => one.path === last.field)?.choices ?? [];
  const taken = new Set(asked.flatMap((one) => one.value));
  const free = choices.find((one) => !taken.has(one));
  return free === undefined || last.op !== 'equals' ? null : { ...last, value: free };
}

type With = Record<string, Json>;

/** The parameters that a new action begins with; empty ones are for the person to fill in. */
export function proposedWith(definition: Definition, action: string, trigger?: TriggerInfo, list: ListKey = ''): With {
  const about = TRIGGERS[definition.trigger?.type ?? ''];
  const headline = about?.headline ?? 'Event {{event.id}}';
  const body = about?.body ?? '{{event.type}}';
  const severity = asked(definition, list, 'alert.severity');
  switch (action) {
    case 'create_ticket':
      return {
        title: headline,
        description: body,
        ...(priorityOf(severity) && { priority: priorityOf(severity) as string }),
      };
    case 'update_ticket':
      return { fields: { status: 'In progress' }, ...ticketOf(definition) };
    case 'send_notification':
      return { channel: 'email', to: `{{${personOf(about, trigger)}}}`, subject: headline, body };
    case 'escalate_on_call':
      return {
        team: '',
        ...(trigger?.entity === 'alert' && { severity: severity ?? '{{alert.severity}}' }),
        message: headline,
      };
    case 'update_field':
      return { field: '', value: '' };
    case 'run_script':
      return { script_id: '' };
    case 'create_note':
      return { title: headline, body };
    case 'add_tag':
      return { tag: 'needs-review' };
    case 'webhook':
      return { url: '' };
    case 'delay':
      return { for: '15m' };
    default:
      return {};
  }
}

const priorityOf = (severity: string | null): string | null =>
  ({ critical: 'P1', high: 'P2', medium: 'P3', low: 'P4' })[severity ?? ''] ?? null;

/** The value that a field is known to have at a place, for the conditions on the way there ask for it. */
function asked(definition: Definition, list: ListKey, field: string): string | null {
  const owner = ownerOf(list);
  const branch = owner && everyStep(definition.steps).find((one) => one.step.id === owner.branch)?.step;
  const around = branch && isBranch(branch) && owner.side === 'then' ? branch.if : null;
  for (const condition of [around, definition.conditions]) {
    if (condition && isLeaf(condition) && condition.field === field && condition.op === 'equals') {
      return typeof condition.value === 'string' ? condition.value : null;
    }
  }
  return null;
}

/** The ticket to change: the triggering one, or else the last that the workflow opened. */
function ticketOf(definition: Definition): With {
  if (definition.trigger?.type.startsWith('ticket.')) return {};
  const opened = everyStep(definition.steps).filter((one) => isAction(one.step) && one.step.action === 'create_ticket');
  const last = opened[opened.length - 1];
  return last ? { ticket_id: `{{steps.${last.step.id}.id}}` } : {};
}

function personOf(about: Telling | undefined, trigger?: TriggerInfo): string {
  const people = about?.people ?? [];
  const known = new Set(trigger?.fields.map((one) => one.path));
  return people.find((one) => known.has(one)) ?? people[0] ?? 'company.primary_contact.email';
}

export type NewKind = 'gate' | 'branch' | { action: string };

/** A step as it is added at a place. */
export function proposedStep(definition: Definition, kind: NewKind, place: Place, trigger?: TriggerInfo): Step {
  if (kind === 'gate') return { id: 'check', condition: proposedRow(trigger, definition.conditions ?? null) };
  if (kind === 'branch') {
    const made: Step = { id: 'branch', if: proposedRow(trigger, definition.conditions ?? null) };
    for (const side of ['then', 'else'] as const) made[side] = [];
    return made;
  }
  const made: ActionStep = { id: slug(kind.action), action: kind.action };
  return { ...made, with: proposedWith(definition, kind.action, trigger, place.list) };
}

/** A name that says what the workflow does: Create ticket when a critical alert triggers. */
export function proposedName(definition: Definition, titleOf: (action: string) => string): string {
  const about = TRIGGERS[definition.trigger?.type ?? ''];
  if (!about) return '';
  const actions = everyStep(definition.steps).flatMap(({ step }) =>
    isAction(step) && step.action !== 'delay' ? [titleOf(step.action)] : [],
  );
  const names = [...new Set(actions)].map((one, index) =>
    index === 0 ? one : one.charAt(0).toLowerCase() + one.slice(1),
  );
  const thing = [telling(definition), about.one].filter(Boolean).join(' ');
  const when = `${/^[aeiou]/i.test(thing) ? 'an' : 'a'} ${thing} ${about.happens}`;
  if (names.length === 0) return `When ${when}`;
  const [first, second] = names;
  const does =
    names.length === 1
      ? first
      : names.length === 2
        ? `${first} and ${second}`
        : `${first} and ${names.length - 1} more`;
  return `${does} when ${when}`;
}

const ADJECTIVES = new Set(['alert.severity', 'ticket.priority']);

/** The word that tells which of them: critical, P1, critical or high. */
function telling(definition: Definition): string {
  if (!definition.conditions) return '';
  const found = leaves(definition.conditions).map((one) => one.leaf);
  const [first] = found;
  if (!first || !ADJECTIVES.has(first.field) || found.some((one) => one.op !== 'equals' || one.field !== first.field))
    return '';
  return isLeaf(definition.conditions) || 'any' in definition.conditions
    ? found.map((one) => String(one.value)).join(' or ')
    : '';
}

/** The fields of steps before a place, as a condition or a template names them. */
export function earlierActions(definition: Definition, id: string): { step: ActionStep; certain: boolean }[] {
  return before(definition, id).flatMap(({ step, certain }) => (isAction(step) ? [{ step, certain }] : []));
}

/** The place behind a card: the first of all for the trigger and the conditions, else behind the step. */
export function placeAfter(definition: Definition, key: string): Place {
  const found = everyStep(definition.steps).find((one) => one.path === key);
  if (!found) return { list: '', index: 0 };
  return { ...found.place, index: found.place.index + 1 };
}

export const placeAtEnd = (definition: Definition): Place => ({
  list: '',
  index: (stepsOf(definition, '') ?? []).length,
});
