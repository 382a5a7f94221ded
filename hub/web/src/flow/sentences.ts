// What a card says: a step, a condition or a trigger as a sentence. The Hub says the same in text (hub/services/wording.py).
import type { Catalogue, Condition, Definition, EventMatch, Json, Leaf, Step } from '../api/types';
import { inside, isAll, isAny, isLeaf, isNot } from '../designer/model/conditions';
import { inWords } from '../designer/model/durations';
import { isBranch, isGate } from '../designer/model/tree';
import { OPERATORS } from '../parts/operators';
import { humanise } from '../parts/words';
import {
  asValue,
  blank,
  isFilled,
  joined,
  orList,
  plain,
  quoted,
  type Sentence,
  template,
  text,
  value,
  variable,
} from './pieces';

export const actionTitle = (action: string, catalogue?: Catalogue | null): string =>
  catalogue?.actions.find((one) => one.action === action)?.title ?? humanise(action);

export const triggerTitle = (type: string, catalogue?: Catalogue | null): string =>
  catalogue?.triggers.find((one) => one.type === type)?.title ?? humanise(type);

/** The triggering entity's name in the event's data. */
export function entityOf(type: string | undefined): string | null {
  return type ? (type === 'entity.sync_conflict' ? 'conflict' : (type.split('.', 1)[0] ?? null)) : null;
}

/** What a step is called on its card: its own name, or what it does. */
export function stepTitle(step: Step, catalogue?: Catalogue | null): string {
  if (step.name) return step.name;
  if (isGate(step)) return 'Only continue if';
  if (isBranch(step)) return 'Branch';
  return actionTitle(step.action, catalogue);
}

type With = Record<string, Json>;
const ACTIONS: Record<string, (given: With) => Sentence> = {
  create_ticket: (given) =>
    joined([
      quoted(given.title, 'no title yet'),
      isFilled(given.priority) ? asValue(given.priority) : [],
      isFilled(given.board) ? [text('on board '), ...asValue(given.board)] : [],
    ]),
  update_ticket: (given) => {
    const fields = Object.entries((given.fields as With | undefined) ?? {});
    if (fields.length === 0) return [blank('no field yet')];
    return joined(
      fields.map(([name, one]) => [text(`${name.replaceAll('_', ' ')} `), ...asValue(one)]),
      ', ',
    );
  },
  send_notification: (given) => {
    const chat = given.channel === 'teams' || given.channel === 'slack';
    // The address of a chat is its incoming webhook, which says nothing to a person.
    const to: Sentence = chat ? [] : [text(' to '), ...asValue(given.to, 'nobody yet')];
    const about = isFilled(given.subject) ? given.subject : given.body;
    const told: Sentence = isFilled(about) ? [text(': '), ...quoted(about, '')] : [];
    return [...channel(given.channel), ...to, ...told];
  },
  escalate_on_call: (given) => [
    text('team '),
    ...asValue(given.team, 'no team yet'),
    ...(isFilled(given.severity) ? [text(', '), ...asValue(given.severity)] : []),
    ...(isFilled(given.message) ? [text(': '), ...quoted(given.message, '')] : []),
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
    ...(isFilled(given.device_id) ? template(given.device_id) : [text('the device')]),
  ],
  create_note: (given) => quoted(isFilled(given.title) ? given.title : given.body, 'no text yet'),
  add_tag: (given) => asValue(given.tag, 'no tag yet'),
  webhook: (given) => [text('POST '), ...asValue(given.url, 'no address yet')],
  delay: (given) => {
    const calendar: Sentence = isFilled(given.calendar) ? [text(' of calendar '), ...asValue(given.calendar)] : [];
    if (given.until === 'business_hours') return [text('wait for business hours'), ...calendar];
    if (given.until === 'next_business_day') return [text('wait until the next business day'), ...calendar];
    if (isFilled(given.until)) return [text('wait until '), ...asValue(given.until)];
    if (!isFilled(given.for)) return [blank('how long?')];
    const words = String(given.for);
    const long = words.includes('{{') ? template(words) : [value(inWords(words))];
    return [text('wait '), ...long, ...(calendar.length > 0 ? [text(' of business time'), ...calendar] : [])];
  },
};

const CHANNELS: Record<string, string> = { email: 'email', push: 'push', teams: 'Teams', slack: 'Slack' };

function channel(given: Json | undefined): Sentence {
  const known = typeof given === 'string' ? CHANNELS[given] : undefined;
  return known ? [value(known)] : asValue(given, 'which channel?');
}

/** In front of the values themselves: "is critical or high". */
const BEFORE_VALUES: Record<string, string> = { in: 'is', not_in: 'is neither' };

export const operatorWords = (op: string): string => BEFORE_VALUES[op] ?? OPERATORS[op] ?? humanise(op).toLowerCase();

function leafSentence(leaf: Leaf, entity: string | null): Sentence {
  if (!leaf.field) return [blank('which field?')];
  const field = variable(leaf.field, entity);
  if (leaf.op === 'exists') return [field, text(leaf.value === false ? ' does not exist' : ' exists')];
  if (leaf.op === 'changed') return [field, text(' has changed')];
  const wanted = Array.isArray(leaf.value)
    ? orList(
        leaf.value.map((one) => asValue(one)),
        leaf.op === 'not_in' ? 'nor' : 'or',
      )
    : asValue(leaf.value, 'what?');
  return [field, text(` ${operatorWords(leaf.op)} `), ...wanted];
}

/** Whether all are comparisons of one field by `equals`: severity is critical or high. */
function sameField(parts: Condition[]): Leaf[] | null {
  const found = parts.filter((one): one is Leaf => isLeaf(one));
  const [first] = found;
  if (!first || found.length !== parts.length || parts.length < 2) return null;
  return found.every((one) => one.op === 'equals' && one.field === first.field) ? found : null;
}

/** The condition as a sentence; what belongs to the triggering `entity` is told without its name. */
export function conditionSentence(condition: Condition, entity: string | null = null, inner = false): Sentence {
  if (isLeaf(condition)) return leafSentence(condition, entity);
  if (isNot(condition)) return [text('not '), ...bracketed(condition.not, entity)];
  const parts = inside(condition);
  const same = isAny(condition) ? sameField(parts) : null;
  if (same) {
    const wanted = same.map((one) => asValue(one.value, 'what?'));
    return [variable((same[0] as Leaf).field, entity), text(' is '), ...orList(wanted)];
  }
  const told = parts.map((one) => conditionSentence(one, entity, true));
  const made = joined(told, isAll(condition) ? ' and ' : ' or ');
  return inner && parts.length > 1 ? [text('('), ...made, text(')')] : made;
}

function bracketed(condition: Condition, entity: string | null): Sentence {
  const made = conditionSentence(condition, entity, true);
  return made[0]?.text === '(' ? made : [text('('), ...made, text(')')];
}

/** A step's card: what it does and with what. */
export function stepSentence(step: Step, entity: string | null = null): Sentence {
  if (isGate(step)) return conditionSentence(step.condition, entity);
  if (isBranch(step)) return [text('if '), ...conditionSentence(step.if, entity)];
  return ACTIONS[step.action]?.(step.with ?? {}) ?? [];
}

/** The trigger's card. */
export function triggerSentence(definition: Definition, catalogue?: Catalogue | null): Sentence {
  const type = definition.trigger?.type;
  const known = catalogue?.triggers.find((one) => one.type === type);
  return known ? [text(known.description.replace(/\.$/, ''))] : [];
}

/** What else holds for the workflow's runs: what ends them, what begins them anew, how many there may be. */
export function triggerNotes(definition: Definition, catalogue?: Catalogue | null): string[] {
  const events = (list: EventMatch[]) =>
    list
      .map((one) => triggerTitle(one.type, catalogue) + (one.where ? ` (${plain(conditionSentence(one.where))})` : ''))
      .join(', ');
  const { cancel_on: cancel = [], restart_on: restart = [], throttle } = definition;
  return [
    ...(cancel.length > 0 ? [`Cancelled by: ${events(cancel)}`] : []),
    ...(restart.length > 0 ? [`Starts again on: ${events(restart)}`] : []),
    ...(throttle
      ? [`At most ${throttle.limit} in ${inWords(throttle.per)} for each ${plain([variable(throttle.key)])}`]
      : []),
  ];
}
