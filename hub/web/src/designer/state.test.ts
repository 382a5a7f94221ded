import { describe, expect, it } from 'vitest';
import type { Definition, Workflow } from '../api/types';
import { addConditions, addStep, perform, withTrigger } from './acts';
import { EMPTY as SOME } from './model/random.testing';
import { beginNew, beginWith, type DesignerState, isUnsaved, reduce } from './state';

const workflow = (definition: Definition, version = 1): Workflow => ({
  id: definition.id,
  version,
  state: definition.state,
  updated_at: '2026-11-27T08:00:00Z',
  definition: { ...definition, org: 'acme', version },
  yaml: '',
  warnings: [],
  cycles: [],
});
const change = (state: DesignerState, next: Definition) => reduce(state, { do: 'change', next, at: 0 });

describe('the designer', () => {
  it('asks for the trigger first, then for what happens next', () => {
    const state = beginNew();
    expect(state.view).toEqual({ show: 'trigger-picker' });
    expect(withTrigger(state.history.present, 'alert.triggered').view).toEqual({
      show: 'picker',
      place: { list: '', index: 0 },
    });
  });

  it('builds trigger, condition and action without a letter typed', () => {
    const triggered = withTrigger(beginNew().history.present, 'alert.triggered').next;
    const filtered = addConditions(triggered, null).next;
    const built = addStep(filtered, { action: 'create_ticket' }, { list: '', index: 0 }, null);
    expect(built.next.steps).toMatchObject([
      { action: 'create_ticket', with: { title: expect.stringContaining('alert.title') } },
    ]);
    expect(built.view).toEqual({ show: 'card', key: 'create-ticket', fresh: true });
  });

  it('is unsaved once something differs from what is saved, and not by the order of keys', () => {
    const state = beginWith(workflow(SOME));
    expect(isUnsaved(state)).toBe(false);
    expect(isUnsaved(change(state, { ...SOME, name: 'Other' }))).toBe(true);
    const { name, ...rest } = SOME;
    expect(isUnsaved(change(state, { name, ...rest, description: null } as Definition))).toBe(false);
    expect(isUnsaved(reduce(change(state, { ...SOME, name: 'Other' }), { do: 'undo' }))).toBe(false);
  });

  it('keeps what was typed while a save was under way', () => {
    const sent = { ...SOME, name: 'One' };
    const typed = change(change(beginNew(SOME), sent), { ...sent, name: 'One two' });
    const after = reduce(typed, { do: 'saved', workflow: workflow({ ...sent, id: 'one', state: 'enabled' }), sent });
    expect(after.history.present).toMatchObject({ id: 'one', name: 'One two', state: 'enabled' });
    expect(isUnsaved(after)).toBe(true);
  });

  it('closes the panel of a card that is gone', () => {
    const built = addStep(SOME, { action: 'create_note' }, { list: '', index: 0 }, null);
    const state = reduce(beginNew(SOME), { do: 'change', next: built.next, at: 0, view: built.view });
    expect(state.view).toMatchObject({ show: 'card' });
    expect(reduce(state, { do: 'undo' }).view).toEqual({ show: 'nothing' });
  });

  it('moves a step by keys and leaves the keyboard on it', () => {
    const one = addStep(SOME, { action: 'create_note' }, { list: '', index: 0 }, null).next;
    const two = addStep(one, { action: 'add_tag' }, { list: '', index: 1 }, null).next;
    const done = perform(two, { do: 'shift', path: 'add-tag', way: 'up' }, null);
    expect(done?.next.steps.map((step) => step.id)).toEqual(['add-tag', 'create-note']);
    expect(done?.focus).toBe('add-tag');
    expect(perform(two, { do: 'shift', path: 'create-note', way: 'up' }, null)).toBeNull();
  });

  it('gives the keyboard to the card before one that is removed', () => {
    const one = addStep(SOME, { action: 'create_note' }, { list: '', index: 0 }, null).next;
    expect(perform(one, { do: 'remove', key: 'create-note' }, null)?.focus).toBe('trigger');
  });
});
