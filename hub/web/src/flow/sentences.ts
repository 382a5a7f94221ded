// What a card says: a step, a condition or a trigger as a sentence, its variables and values as pieces of their own.

import type { Catalogue, Condition, Definition, Json, Leaf, Step } from '../api/types';
import { inside, isAll, isAny, isLeaf, isNot } from '../designer/model/conditions';
import { inWords } from '../designer/model/durations';
import { isBranch, isGate } from '../designer/model/tree';

export interface Piece {
  kind: 'text' | 'variable' | 'value' | 'blank';
  text: string;
  whole?: string; // of a variable: the expression as written
}
export type Sentence = Piece[];

const text = (words: string): Piece => ({ kind: 'text', text: words });
const value = (words: string): Piece => ({ kind: 'value', text: words });
const blank = (words: string): Piece => ({ kind: 'blank', text: words });

export const plain = (sentence: Sentence): string =>
  sentence
    .map((one) => one.text)
    .join('')
    .trim();

const ACTIONS: Record<string, string> = {
  create_ticket: 'Create ticket',
  update_ticket: 'Update ticket',
  send_notification: 'Send notification',
  escalate_on_call: 'Escalate to On-Call',
  update_field: 'Update field',
  run_script: 'Run script',
  create_note: 'Create note',
  add_tag: 'Add tag',
  webhook: 'Webhook',
  delay: 'Delay',
};

const capital = (words: string) => words.charAt(0).toUpperCase() + words.slice(1);

/** A name with underscores and dots as words: sla_breach is Sla breach. */
export const humane = (name: string): string => capital(name.replace(/[._-]+/g, ' ').trim());

export const actionTitle = (action: string, catalogue?: Catalogue | null): string =>
  catalogue?.actions.find((one) => one.action === action)?.title ?? ACTIONS[action] ?? humane(action);

export const triggerTitle = (type: string, catalogue?: Catalogue | null): string =>
  catalogue?.triggers.find((one) => one.type === type)?.title ?? humane(type);

/** What a step is called on its card: its own name, or what it does. */
export function stepTitle(step: Step, catalogue?: Catalogue | null): string {
  if (step.name) return step.name;
  if (isGate(step)) return 'Only continue if';
  if (isBranch(step)) return 'Branch';
  return actionTitle(step.action, catalogue);
}

/** A text with its {{expressions}} as pieces; a piece shows the path alone, filters are told on hover. */
export function template(given: Json | undefined, missing = '…'): Sentence {
  if (given === undefined || given === null || given === '') return [blank(missing)];
  if (typeof given !== 'string') return [value(shown(given))];
  const line = given.split('\n', 1)[0] as string;
  const cut = line.length < given.trimEnd().length ? ' …' : '';
  const pieces = line.split(/(\{\{.*?\}\})/).flatMap((part): Piece[] => {
    if (part.startsWith('{{')) {
      const inner = part.slice(2, -2).trim();
      return [{ kind: 'variable', text: (inner.split('|', 1)[0] ?? '').trim() || inner, whole: inner }];
    }
    return part ? [text(part)] : [];
  });
  return cut ? [...pieces, text(cut)] : pieces;
}

function shown(given: Json): string {
  if (typeof given === 'string') return given;
  if (Array.isArray(given)) return given.map(shown).join(', ');
  return given === null ? 'nothing' : typeof given === 'object' ? JSON.stringify(given) : String(given);
}

const quoted = (given: Json | undefined, missing: string): Sentence => {
  const inner = template(given, missing);
  return inner[0]?.kind === 'blank' ? inner : [text('“'), ...inner, text('”')];
};

const joined = (parts: Sentence[], between = ' · '): Sentence =>
  parts.filter((one) => one.length > 0).flatMap((one, index) => (index === 0 ? one : [text(between), ...one]));

const has = (given: Json | undefined): boolean => given !== undefined && given !== null && given !== '';

type With = Record<string, Json>;
const ACTION_SENTENCES: Record<string, (given: With) => Sentence> = {
  create_ticket: (given) =>
    joined([
      quoted(given.title, 'no title yet'),
      has(given.priority) ? asValue(given.priority) : [],
      has(given.board) ? [text('on '), ...asValue(given.board)] : [],
    ]),
  update_ticket: (given) => {
    const fields = Object.entries((given.fields as With | undefined) ?? {});
    if (fields.length === 0) return [blank('no field yet')];
    return joined(fields.map(([name, one]) => [text(`set ${name} to `), ...asValue(one)]));
  },
  send_notification: (given) => [
    ...asValue(given.channel, 'channel?'),
    text(' to '),
    ...asValue(given.to, 'nobody yet'),
    ...(has(given.subject) ? [text(': '), ...quoted(given.subject, '')] : []),
  ],
  escalate_on_call: (given) => [
    text('to team '),
    ...asValue(given.team, 'no team yet'),
    ...(has(given.severity) ? [text(' as '), ...asValue(given.severity)] : []),
    ...(has(given.message) ? [text(': '), ...quoted(given.message, '')] : []),
  ],
  update_field: (given) => [
    text('set '),
    ...asValue(given.field, 'which field?'),
    text(' to '),
    ...asValue(given.value, 'no value yet'),
  ],
  run_script: (given) => [
    ...asValue(given.script_id, 'no script yet'),
    text(' on '),
    ...template(given.device_id ?? '{{device.id}}'),
  ],
  create_note: (given) => quoted(given.title ?? given.body, 'no text yet'),
  add_tag: (given) => asValue(given.tag, 'no tag yet'),
  webhook: (given) => [text('POST '), ...asValue(given.url, 'no address yet')],
  delay: (given) => {
    const calendar: Sentence = has(given.calendar) ? [text(', by calendar '), ...asValue(given.calendar)] : [];
    if (given.until === 'business_hours') return [text('until business hours'), ...calendar];
    if (given.until === 'next_business_day') return [text('until the next business day'), ...calendar];
    if (has(given.until)) return [text('until '), ...asValue(given.until)];
    if (!has(given.for)) return [blank('how long?')];
    const words = String(given.for);
    return [text('wait '), ...(words.includes('{{') ? template(words) : [value(inWords(words))]), ...calendar];
  },
};

function asValue(given: Json | undefined, missing = '…'): Sentence {
  const made = template(given, missing);
  return made.map((one) => (one.kind === 'text' ? value(one.text) : one));
}

const OPERATORS: Record<string, string> = {
  equals: 'is',
  not_equals: 'is not',
  contains: 'contains',
  not_contains: 'does not contain',
  greater_than: 'is more than',
  greater_or_equal: 'is at least',
  less_than: 'is less than',
  less_or_equal: 'is at most',
  in: 'is one of',
  not_in: 'is none of',
  exists: 'is there',
  starts_with: 'starts with',
  ends_with: 'ends with',
  changed: 'changed',
};

export const operatorWords = (op: string): string => OPERATORS[op] ?? humane(op).toLowerCase();

function fieldPiece(field: string): Piece {
  const inner = field.replace(/^\{\{|\}\}$/g, '').trim();
  return { kind: 'variable', text: (inner.split('|', 1)[0] ?? inner).trim() || '…', whole: inner };
}

function leafSentence(leaf: Leaf): Sentence {
  if (!leaf.field) return [blank('a field?')];
  const field = fieldPiece(leaf.field);
  if (leaf.op === 'exists') return [field, text(leaf.value === false ? ' is missing' : ' is there')];
  if (leaf.op === 'changed') return [field, text(' changed')];
  const wanted = Array.isArray(leaf.value)
    ? orList(leaf.value.map((one) => asValue(one)))
    : asValue(leaf.value, 'what?');
  return [field, text(` ${operatorWords(leaf.op)} `), ...wanted];
}

const orList = (parts: Sentence[]): Sentence =>
  parts.flatMap((one, index) => (index === 0 ? one : [text(index === parts.length - 1 ? ' or ' : ', '), ...one]));

/** Whether all are comparisons of one field by `equals`: severity is critical or high. */
function sameField(parts: Condition[]): Leaf[] | null {
  const found = parts.filter((one): one is Leaf => isLeaf(one));
  const [first] = found;
  if (!first || found.length !== parts.length || parts.length < 2) return null;
  return found.every((one) => one.op === 'equals' && one.field === first.field) ? found : null;
}

export function conditionSentence(condition: Condition, inner = false): Sentence {
  if (isLeaf(condition)) return leafSentence(condition);
  if (isNot(condition)) return [text('not '), ...bracketed(condition.not)];
  const parts = inside(condition);
  const same = isAny(condition) ? sameField(parts) : null;
  if (same)
    return [
      fieldPiece((same[0] as Leaf).field),
      text(' is '),
      ...orList(same.map((one) => asValue(one.value, 'what?'))),
    ];
  const made = joined(
    parts.map((one) => conditionSentence(one, true)),
    isAll(condition) ? ' and ' : ' or ',
  );
  return inner && parts.length > 1 ? [text('('), ...made, text(')')] : made;
}

function bracketed(condition: Condition): Sentence {
  const made = conditionSentence(condition, true);
  return made[0]?.text === '(' ? made : [text('('), ...made, text(')')];
}

/** A step's card: what it does and with what. */
export function stepSentence(step: Step): Sentence {
  if (isGate(step)) return conditionSentence(step.condition);
  if (isBranch(step)) return [text('if '), ...conditionSentence(step.if)];
  const make = ACTION_SENTENCES[step.action];
  return make ? make(step.with ?? {}) : [];
}

/** The trigger's card. */
export function triggerSentence(definition: Definition, catalogue?: Catalogue | null): Sentence {
  const type = definition.trigger?.type;
  if (!type) return [blank('Choose what starts this workflow')];
  const known = catalogue?.triggers.find((one) => one.type === type);
  return [text(known ? `${known.description.replace(/\.$/, '')}` : type)];
}
