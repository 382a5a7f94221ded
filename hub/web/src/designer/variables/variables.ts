// What can be named at a place: the event's fields, what earlier steps returned, and what is around the run.
import type { Catalogue, Definition, FieldInfo, Json } from '@/api/types';
import { stepTitle } from '@/flow/sentences';
import type { PreviewEvent } from '../context';
import { earlierActions } from '../model/proposals';
import { lookUp, MISSING } from '../model/scope';
import { atPath } from '../model/tree';
import type { Choice, ChoiceGroup } from '../picker/search';

export interface Variable extends FieldInfo {
  now: Json | undefined; // its value under the event that is looked at
  may: boolean; // only in some events, or only where its branch was taken
}
export interface VariableGroup {
  label: string;
  variables: Variable[];
}

const AROUND = new Set(['workflow', 'run', 'org']);
const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

/** All that can be named on a card, in groups, what is used most first. */
export function variablesOf(
  definition: Definition,
  key: string,
  catalogue: Catalogue,
  event: PreviewEvent | null,
): VariableGroup[] {
  const trigger = catalogue.triggers.find((one) => one.type === definition.trigger?.type);
  if (!trigger) return [];
  const roots = [...new Set(trigger.fields.map((one) => one.path.split('.')[0] ?? ''))];
  const groups = roots.map((root): VariableGroup => {
    const own = trigger.fields.filter((one) => one.path.split('.')[0] === root);
    const usual = own.some((one) => one.sample !== null);
    const variables = own.map((one) => ({ ...one, now: currently(one, event), may: !usual }));
    return { label: labelOf(root, usual), variables };
  });
  const rank = (group: VariableGroup) => {
    const root = group.variables[0]?.path.split('.')[0] ?? '';
    if (root === trigger.entity) return 0;
    if (AROUND.has(root)) return 5;
    if (root === 'event') return 4;
    return group.variables[0]?.may ? 6 : 2;
  };
  const sorted = groups.sort((a, b) => rank(a) - rank(b));
  return [
    ...sorted.filter((one) => rank(one) < 2),
    ...stepGroups(definition, key, catalogue),
    ...sorted.filter((one) => rank(one) >= 2),
  ];
}

function labelOf(root: string, usual: boolean): string {
  if (root === 'event') return 'The event itself';
  if (AROUND.has(root)) return capital(root === 'org' ? 'organisation' : root);
  if (root === 'previous') return 'Before the update';
  return usual ? capital(root) : `${capital(root)} (not in every event)`;
}

function currently(field: FieldInfo, event: PreviewEvent | null): Json | undefined {
  if (!event) return field.sample ?? undefined;
  const found = lookUp({ event: event.envelope }, field.path);
  if (found !== MISSING) return found;
  return AROUND.has(field.path.split('.')[0] ?? '') ? (field.sample ?? undefined) : undefined;
}

function stepGroups(definition: Definition, key: string, catalogue: Catalogue): VariableGroup[] {
  const id = atPath(definition, key)?.step.id;
  if (id === undefined) return [];
  return earlierActions(definition, id)
    .reverse()
    .flatMap(({ step, certain }) => {
      const known = catalogue.actions.find((one) => one.action === step.action);
      if (!known || known.output.length === 0) return [];
      const variables = known.output.map((one) => ({
        ...one,
        path: `steps.${step.id}.${one.path}`,
        now: one.sample ?? undefined,
        may: !certain,
      }));
      return [{ label: `Result of ${stepTitle(step, catalogue)} (${step.id})`, variables }];
    });
}

/** As choices of a list. `objects` have fields of their own: a condition seldom asks for them, a template never. */
export function asChoices(groups: VariableGroup[], objects = false): ChoiceGroup<Variable>[] {
  return groups.map((group) => ({
    label: group.label,
    choices: group.variables
      .filter((one) => objects || one.type !== 'object')
      .map(
        (one): Choice<Variable> => ({
          id: one.path,
          title: one.title,
          hint: one.path,
          words: one.description ?? '',
          value: one,
        }),
      ),
  }));
}

export function findVariable(groups: VariableGroup[], path: string): Variable | undefined {
  for (const group of groups) {
    const found = group.variables.find((one) => one.path === path);
    if (found) return found;
  }
  return undefined;
}

/** A value on one line. */
export function shortly(value: Json | undefined, most = 60): string {
  if (value === undefined) return 'not there';
  if (value === null) return 'nothing';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= most ? line : `${line.slice(0, most - 1)}…`;
}
