// What can be chosen: triggers by module, and steps by what they are.
import type { Catalogue, Definition } from '@/api/types';
import { actionIcon, branchIcon, conditionsIcon, gateIcon, type Icon, triggerIcon } from '@/flow/icons';
import type { NewKind } from '../model/proposals';
import type { Place } from '../model/tree';
import type { Choice, ChoiceGroup } from './search';

const ORDER = ['PSA', 'RMM', 'Security / RMM', 'Security', 'Backups', 'Books', 'CRM', 'Hub'];

/** Words by which people look for it who don't know what it is called. */
const ALSO: Record<string, string> = {
  create_ticket: 'open new case issue',
  update_ticket: 'change status priority assign close',
  send_notification: 'email mail push teams slack message tell notify',
  escalate_on_call: 'page call phone pager',
  update_field: 'set change write',
  run_script: 'execute command fix rmm',
  create_note: 'comment log write',
  add_tag: 'label mark',
  webhook: 'http post url api call',
  delay: 'wait pause sleep timer until',
};

export function triggerChoices(catalogue: Catalogue): ChoiceGroup<string>[] {
  const sources = [...new Set(catalogue.triggers.map((one) => one.source))];
  const rank = (source: string) => (ORDER.includes(source) ? ORDER.indexOf(source) : ORDER.length);
  return sources
    .sort((a, b) => rank(a) - rank(b))
    .map((source) => ({
      label: source,
      choices: catalogue.triggers
        .filter((one) => one.source === source)
        .map((one) => ({ id: one.type, title: one.title, hint: one.description, words: source, value: one.type })),
    }));
}

export type StepChoice = NewKind | 'conditions';

/** What can happen next at a place. Before the first step stands the workflow's own condition, where it has none yet. */
export function stepChoices(catalogue: Catalogue, definition: Definition, place: Place): ChoiceGroup<StepChoice>[] {
  const first = place.list === '' && place.index === 0;
  const only: Choice<StepChoice> = {
    id: 'conditions',
    title: 'Condition',
    hint: 'Only events that it holds for run this workflow',
    words: 'only if filter when where',
    value: 'conditions',
  };
  const gate: Choice<StepChoice> = {
    id: 'gate',
    title: first && !definition.conditions ? 'Condition as a step' : 'Condition',
    hint: 'Go on only if it holds, else the run ends here',
    words: 'only if filter gate check stop',
    value: 'gate',
  };
  const branch: Choice<StepChoice> = {
    id: 'branch',
    title: 'Branch',
    hint: 'One way if it holds, another if not',
    words: 'if else fork split yes no decide',
    value: 'branch',
  };
  const ownFirst = first && !definition.conditions;
  const actions = catalogue.actions.filter((one) => one.action !== 'delay');
  const delay = catalogue.actions.find((one) => one.action === 'delay');
  const asChoice = (one: Catalogue['actions'][number]): Choice<StepChoice> => ({
    id: one.action,
    title: one.title,
    hint: one.description,
    words: ALSO[one.action] ?? '',
    value: { action: one.action },
  });
  return [
    ...(ownFirst ? [{ label: 'Only some events', choices: [only] }] : []),
    { label: 'Actions', choices: actions.map(asChoice) },
    { label: 'Flow', choices: [...(delay ? [asChoice(delay)] : []), gate, branch] },
  ];
}

export function stepChoiceIcon(choice: Choice<StepChoice>): Icon {
  const { value } = choice;
  if (value === 'conditions') return conditionsIcon;
  if (value === 'gate') return gateIcon;
  return value === 'branch' ? branchIcon : actionIcon(value.action);
}

export const triggerChoiceIcon = (choice: Choice<string>): Icon => triggerIcon(choice.value);
