// The designer's acts: what each makes of the definition, and what is shown after it.

import type { Catalogue, Condition, Definition, Step } from '../api/types';
import type { Act } from '../flow';
import { duplicate, insert, move, neighbour, remove, withCondition } from './model/edit';
import { type NewKind, placeAfter, placeAtEnd, proposedRow, proposedStep } from './model/proposals';
import { atPath, everyStep, type Place, pathOf, stepsOf } from './model/tree';
import type { View } from './state';

export interface Done {
  next: Definition;
  view?: View;
  focus?: string; // the card that gets the keyboard
  said?: string; // for who can't see it
}

export const triggerOf = (definition: Definition, catalogue: Catalogue | null) =>
  catalogue?.triggers.find((one) => one.type === definition.trigger?.type);

/** Another trigger. A first one leads on to what happens next. */
export function withTrigger(definition: Definition, type: string): Done {
  const first = definition.steps.length === 0 && !definition.trigger;
  return {
    next: { ...definition, trigger: { type } },
    view: first ? { show: 'picker', place: placeAtEnd(definition) } : { show: 'card', key: 'trigger' },
  };
}

export function addConditions(definition: Definition, catalogue: Catalogue | null): Done {
  if (definition.conditions) return { next: definition, view: { show: 'card', key: 'conditions' } };
  const row = proposedRow(triggerOf(definition, catalogue));
  const next = withCondition(definition, 'conditions', row);
  return { next, view: { show: 'card', key: 'conditions', fresh: true }, said: 'Condition added' };
}

export function addStep(definition: Definition, kind: NewKind, place: Place, catalogue: Catalogue | null): Done {
  const step = proposedStep(definition, kind, place, triggerOf(definition, catalogue));
  const [next, id] = insert(definition, place, step);
  return { next, view: { show: 'card', key: pathOf(next, id) ?? id, fresh: true }, said: 'Step added' };
}

/** What the flowchart asks for; null where it changes nothing. */
export function perform(definition: Definition, act: Act, catalogue: Catalogue | null): Done | null {
  switch (act.do) {
    case 'insert':
      return { next: definition, view: { show: 'picker', place: act.place } };
    case 'insert-after':
      return { next: definition, view: { show: 'picker', place: placeAfter(definition, act.key) } };
    case 'edit':
      return {
        next: definition,
        view:
          act.key === 'trigger' && !definition.trigger ? { show: 'trigger-picker' } : { show: 'card', key: act.key },
      };
    case 'add-conditions':
      return addConditions(definition, catalogue);
    case 'remove':
      return removed(definition, act.key);
    case 'move':
      return moved(definition, act.path, act.place);
    case 'shift': {
      const id = atPath(definition, act.path)?.step.id;
      const place = id === undefined ? null : neighbour(definition, id, act.way);
      return place ? moved(definition, act.path, place) : null;
    }
    case 'duplicate': {
      const here = atPath(definition, act.path);
      if (!here) return null;
      const [next, id] = duplicate(definition, here.step.id);
      const key = pathOf(next, id) ?? id;
      return { next, view: { show: 'card', key }, focus: key, said: 'Copied' };
    }
  }
}

function moved(definition: Definition, path: string, place: Place): Done | null {
  const here = atPath(definition, path);
  if (!here) return null;
  const next = move(definition, here.step.id, place);
  if (next === definition) return null;
  const key = pathOf(next, here.step.id) ?? here.step.id;
  const stands = atPath(next, key)?.place;
  const of = stands ? (stepsOf(next, stands.list) ?? []).length : 0;
  return { next, view: { show: 'card', key }, focus: key, said: `Moved: step ${(stands?.index ?? 0) + 1} of ${of}` };
}

/** Without the card; the keyboard goes to the one before it. */
function removed(definition: Definition, key: string): Done | null {
  const nothing: View = { show: 'nothing' };
  if (key === 'conditions') {
    return {
      next: withCondition(definition, 'conditions', null),
      view: nothing,
      focus: 'trigger',
      said: 'Conditions removed',
    };
  }
  const here = atPath(definition, key);
  if (!here) return null;
  const steps = everyStep(definition.steps);
  const index = steps.findIndex((one) => one.path === key);
  const earlier = steps[index - 1];
  const focus = earlier ? earlier.path : definition.conditions ? 'conditions' : 'trigger';
  return { next: remove(definition, here.step.id), view: nothing, focus, said: 'Step removed' };
}

/** The condition of a card, and the definition with another. */
export function conditionOf(definition: Definition, key: string): Condition | null {
  if (key === 'conditions') return definition.conditions ?? null;
  const step: Step | undefined = atPath(definition, key)?.step;
  if (!step) return null;
  return 'condition' in step ? step.condition : 'if' in step ? step.if : null;
}
