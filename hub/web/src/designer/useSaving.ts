// Saving: the next version in a state, and what comes of it.
import { useCallback, useEffect, useState } from 'react';
import { cache } from '@/api/cache';
import { isProblem } from '@/api/client';
import { queries } from '@/api/queries';
import type { Definition, State, Workflow } from '@/api/types';
import { createWorkflow, saveWorkflow } from '@/api/writes';
import { toastError } from '@/shell/Toasts';
import type { DesignerState, Saved, Step } from './state';

export interface Saving {
  busy: State | null; // to which state a save is under way
  save: (state: State, over?: number) => Promise<boolean>;
  /** The version that somebody else saved meanwhile, and what was to be saved. */
  conflict: { theirs: Workflow; wanted: State } | null;
  settle: () => void;
  /** What the last save came to, for a moment. */
  told: string;
}

interface Given {
  state: DesignerState;
  whole: Definition;
  dispatch: (step: Step) => void;
  onCreated: (workflow: Workflow, sent: Definition) => void;
}

const WORDS: Record<State, string> = {
  draft: 'Saved as a draft',
  enabled: 'Saved, and enabled',
  shadow: 'Saved as shadow: it runs, and only records what it would do',
  disabled: 'Saved; it is disabled',
};

/** Of the first save of a workflow, which goes on under its own address at once, and is told there. */
let firstTold: { id: string; words: string } | null = null;

export function useSaving({ state, whole, dispatch, onCreated }: Given): Saving {
  const [busy, setBusy] = useState<State | null>(null);
  const [conflict, setConflict] = useState<Saving['conflict']>(null);
  const [told, setTold] = useState(() => (firstTold && firstTold.id === state.saved?.id ? firstTold.words : ''));
  useEffect(() => {
    if (!told) return;
    firstTold = null;
    const timer = setTimeout(() => setTold(''), 4_000);
    return () => clearTimeout(timer);
  }, [told]);
  const { saved, history } = state;
  const sent = history.present;

  const failed = useCallback(
    async (error: unknown, to: State) => {
      if (saved && isProblem(error, 412)) {
        const theirs = await cache.fetchQuery({ ...queries.workflow(saved.id), staleTime: 0 });
        setConflict({ theirs, wanted: to });
        return;
      }
      if (isProblem(error, 422)) dispatch({ do: 'show', view: { show: 'problems' } });
      const [first] = isProblem(error, 422) ? error.faults : [];
      toastError(first ? new Error(`${first.field}: ${first.reason}`) : error, 'Not saved');
    },
    [saved, dispatch],
  );

  const save = useCallback(
    async (to: State, over?: number): Promise<boolean> => {
      setBusy(to);
      try {
        const workflow = await send({ ...whole, state: to }, saved, over, sent.id);
        setConflict(null);
        dispatch({ do: 'saved', workflow, sent });
        setTold(WORDS[to]);
        if (!saved) {
          firstTold = { id: workflow.id, words: WORDS[to] };
          onCreated(workflow, sent);
        }
        return true;
      } catch (error) {
        await failed(error, to);
        return false;
      } finally {
        setBusy(null);
      }
    },
    [saved, whole, sent, dispatch, onCreated, failed],
  );
  return { busy, save, conflict, settle: useCallback(() => setConflict(null), []), told };
}

/** The next version; of what was never saved the first, under an id that the Hub makes where it has none of its own. */
function send(made: Definition, saved: Saved | null, over: number | undefined, ownId: string): Promise<Workflow> {
  if (saved) return saveWorkflow({ ...made, id: saved.id }, over ?? saved.version);
  const { id, ...rest } = made;
  return createWorkflow(ownId ? { ...rest, id } : rest);
}
