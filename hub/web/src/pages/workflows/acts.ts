// What a row's menu does, and how the list on the screen is changed ahead of the Hub's answer.
import { askAgain, cache } from '@/api/cache';
import { get, segment } from '@/api/client';
import type { Definition, State, Workflow, WorkflowList } from '@/api/types';
import { createWorkflow, deleteWorkflow } from '@/api/writes';
import { toast, toastError } from '@/shell/Toasts';

/** What a workflow is called; a draft may have no name yet. */
export function nameOf(item: { id: string; name: string }): string {
  return item.name || item.id;
}

interface Pages {
  pages: WorkflowList[];
  pageParams: unknown[];
}

function patch(change: (list: WorkflowList) => WorkflowList): void {
  cache.setQueriesData<Pages>({ queryKey: ['workflows'] }, (data) =>
    data ? { ...data, pages: data.pages.map(change) } : data,
  );
}

/** Shows a workflow in another state, its count included. */
export function putState(id: string, state: State): void {
  patch((list) => {
    const before = list.items.find((item) => item.id === id)?.state;
    if (!before || before === state) return list;
    const counts = { ...list.counts, [before]: list.counts[before] - 1, [state]: list.counts[state] + 1 };
    return { ...list, counts, items: list.items.map((item) => (item.id === id ? { ...item, state } : item)) };
  });
}

function takeAway(id: string): void {
  patch((list) => {
    const gone = list.items.find((item) => item.id === id);
    if (!gone) return list;
    const counts = { ...list.counts, [gone.state]: list.counts[gone.state] - 1 };
    return { ...list, counts, items: list.items.filter((item) => item !== gone) };
  });
}

/** The document as it would be given to the Hub anew. */
function anew({ definition }: Workflow): Definition {
  const { org: _org, version: _version, ...rest } = definition;
  return rest;
}

/** Deletes at once, and offers to take it back. */
export async function remove(id: string, name: string): Promise<void> {
  try {
    const workflow = await get<Workflow>(`/workflows/${segment(id)}`);
    takeAway(id);
    await deleteWorkflow(id, workflow.version);
    const undo = () =>
      void createWorkflow(anew(workflow)).catch((error: unknown) => toastError(error, 'Couldn’t bring it back'));
    toast({ text: `“${name}” is deleted.`, act: { label: 'Undo', run: undo }, ms: 12_000 });
  } catch (error) {
    toastError(error, `“${name}” was not deleted`);
    askAgain({ queryKey: ['workflows'] });
  }
}

/** A copy, as a draft, under a new id that the Hub chooses. */
export async function duplicate(id: string, name: string, open: (id: string) => void): Promise<void> {
  try {
    const { id: _id, ...definition } = anew(await get<Workflow>(`/workflows/${segment(id)}`));
    const copy = await createWorkflow({ ...definition, name: `Copy of ${name}`.slice(0, 200), state: 'draft' });
    toast({ text: `“${copy.definition.name}” is a draft.`, act: { label: 'Open', run: () => open(copy.id) } });
  } catch (error) {
    toastError(error, 'Couldn’t duplicate it');
  }
}
