// The designer's state: the definition with its history, what is shown beside it, and what is saved.

import type { Definition, State, Workflow } from '../api/types';
import { begin, change, type History, redo, undo } from './model/history';
import { atPath, type Place } from './model/tree';

export type View =
  | { show: 'nothing' }
  | { show: 'trigger-picker' }
  | { show: 'picker'; place: Place }
  | { show: 'card'; key: string; field?: string; fresh?: boolean } // a field to begin with; just added
  | { show: 'settings'; field?: string }
  | { show: 'problems' }
  | { show: 'yaml' }
  | { show: 'keys' };

export interface Saved {
  id: string;
  version: number;
  state: State;
  definition: Definition;
  at: string;
}

export interface DesignerState {
  history: History<Definition>;
  view: View;
  saved: Saved | null; // null: never saved
}

export type Step =
  | { do: 'change'; next: Definition; mark?: string; at: number; view?: View }
  | { do: 'undo' }
  | { do: 'redo' }
  | { do: 'show'; view: View }
  | { do: 'saved'; workflow: Workflow; sent: Definition }
  | { do: 'load'; workflow: Workflow }
  | { do: 'based'; workflow: Workflow }; // the same edits, on another version

const NOTHING: View = { show: 'nothing' };

/** The definition as a person edits it: without what the Hub sets. */
export function edited(definition: Definition): Definition {
  const { org: _org, version: _version, ...rest } = definition;
  return rest;
}

export const EMPTY: Definition = { id: '', name: '', state: 'draft', steps: [] };

export function beginNew(definition: Definition = EMPTY): DesignerState {
  const view: View = definition.trigger ? NOTHING : { show: 'trigger-picker' };
  return { history: begin(edited(definition)), view, saved: null };
}

export function beginWith(workflow: Workflow): DesignerState {
  return { history: begin(edited(workflow.definition)), view: NOTHING, saved: savedOf(workflow) };
}

function savedOf(workflow: Workflow): Saved {
  const { id, version, state, updated_at: at } = workflow;
  return { id, version, state, definition: edited(workflow.definition), at };
}

export function reduce(state: DesignerState, step: Step): DesignerState {
  switch (step.do) {
    case 'change': {
      const history = change(state.history, step.next, step.mark ?? null, step.at);
      return { ...state, history, view: fitting(step.view ?? state.view, step.next) };
    }
    case 'undo':
    case 'redo': {
      const history = step.do === 'undo' ? undo(state.history) : redo(state.history);
      return { ...state, history, view: fitting(state.view, history.present) };
    }
    case 'show':
      return { ...state, view: fitting(step.view, state.history.present) };
    case 'saved':
      return { ...state, ...afterSave(state, step.workflow, step.sent) };
    case 'load':
      return beginWith(step.workflow);
    case 'based':
      return { ...state, saved: savedOf(step.workflow) };
  }
}

/** What was typed while a save was under way stays; the state and the id are the saved ones. */
function afterSave(state: DesignerState, workflow: Workflow, sent: Definition): Partial<DesignerState> {
  const saved = savedOf(workflow);
  const { history } = state;
  const present =
    history.present === sent
      ? saved.definition
      : { ...history.present, id: saved.id, state: saved.state, name: history.present.name || saved.definition.name };
  return { saved, history: { ...history, present, mark: null } };
}

/** A view of a card that is not there any more shows nothing. */
function fitting(view: View, definition: Definition): View {
  if (view.show !== 'card' || view.key === 'trigger') return view;
  if (view.key === 'conditions') return definition.conditions ? view : NOTHING;
  return atPath(definition, view.key) ? view : NOTHING;
}

/** The definition's text, the same for the same content whatever the order of an object's keys. */
export function textOf(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    inner && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(
          Object.entries(inner)
            .filter(([, one]) => one !== null && one !== undefined)
            .sort(([a], [b]) => (a < b ? -1 : 1)),
        )
      : inner,
  );
}

/** Whether something would be lost: of a new workflow anything but its empty page. */
export function isUnsaved(state: DesignerState): boolean {
  const { saved, history } = state;
  if (!saved) return history.past.length > 0;
  return history.present !== saved.definition && textOf(history.present) !== textOf(saved.definition);
}
