// The page of one workflow: its designer, with name, state, tabs and saving around it.
import { useQuery } from '@tanstack/react-query';
import { useEffect, useMemo, useState } from 'react';
import { useLocation, useParams, useSearch } from 'wouter';
import { isProblem } from '@/api/client';
import { queries } from '@/api/queries';
import { useMay } from '@/api/session';
import type { Catalogue, Workflow } from '@/api/types';
import { DesignerContext } from '@/designer/context';
import { Designer } from '@/designer/Designer';
import { keep, takeKept } from '@/designer/kept';
import { beginNew, beginWith, type DesignerState, isUnsaved, reduce, type Step } from '@/designer/state';
import { TestView } from '@/designer/test/TestView';
import { useDesignerState } from '@/designer/useDesignerState';
import { useSaving } from '@/designer/useSaving';
import { NotFound, Trouble } from '@/shell/ErrorPages';
import { leaveFreely, useLeaveGuard } from '@/shell/leave';
import { toast } from '@/shell/Toasts';
import { useTitle } from '@/shell/title';
import { Conflict } from './Conflict';
import css from './editor.module.css';
import { Head } from './Head';
import { useKeys } from './useKeys';

const NEW = 'new';

export default function EditorPage() {
  const { id = NEW } = useParams<{ id: string }>();
  const catalogue = useQuery(queries.catalogue());
  const workflow = useQuery({ ...queries.workflow(id), enabled: id !== NEW });
  if (isProblem(workflow.error, 404)) return <NotFound />;
  if (catalogue.error) return <Trouble error={catalogue.error} />;
  if (workflow.error && !workflow.data) return <Trouble error={workflow.error} />;
  if (!catalogue.data || (id !== NEW && !workflow.data)) return <Loading />;
  return <Editor key={id} id={id} catalogue={catalogue.data} workflow={workflow.data ?? null} />;
}

function Loading() {
  return (
    <div className={css.page} aria-busy>
      <div className={css.loadingHead} />
      <div className={css.loadingBody} />
    </div>
  );
}

function begun(id: string, workflow: Workflow | null): DesignerState {
  return takeKept(id) ?? (workflow ? beginWith(workflow) : beginNew());
}

function Editor({ id, catalogue, workflow }: { id: string; catalogue: Catalogue; workflow: Workflow | null }) {
  const readOnly = !useMay('hub.workflows.write');
  const [, navigate] = useLocation();
  const testing = new URLSearchParams(useSearch()).get('tab') === 'test';
  const [begin] = useState(() => begun(id, workflow));
  const { designer, state, now, dispatch, whole, validation, current, said } = useDesignerState(
    () => begin,
    catalogue,
    readOnly,
  );
  const saving = useSaving({
    state,
    whole,
    dispatch,
    onCreated: (made, sent) => {
      // It goes on under its own address, with its history and what is shown.
      keep(made.id, reduce(now.current, { do: 'saved', workflow: made, sent }));
      leaveFreely();
      navigate(`/workflows/${encodeURIComponent(made.id)}`, { replace: true });
    },
  });
  const unsaved = isUnsaved(state) && !readOnly;
  useLeaveGuard(unsaved && saving.busy === null);
  useTitle(whole.name || 'New workflow');
  const newer = useNewer(workflow, state, unsaved, dispatch);
  useKeys({ designer, saving, ready: !(current && validation?.ready === false), dispatch });

  const leave = useMemo(
    () => () => {
      if (state.saved) keep(state.saved.id, state);
      leaveFreely();
    },
    [state],
  );

  return (
    <DesignerContext value={designer}>
      <div className={css.page}>
        <Head
          designer={designer}
          saving={saving}
          whole={whole}
          unsaved={unsaved}
          current={current}
          testing={testing}
          dispatch={dispatch}
          leave={leave}
        />
        {newer && (
          <div className={css.banner} role="status">
            Version {newer.version} was saved by somebody else meanwhile. Your changes are based on version{' '}
            {state.saved?.version}.
            <button type="button" onClick={() => dispatch({ do: 'load', workflow: newer })}>
              Take theirs
            </button>
            <button type="button" onClick={() => dispatch({ do: 'based', workflow: newer })}>
              Keep mine
            </button>
          </div>
        )}
        {testing ? <TestView whole={whole} /> : <Designer />}
        {saving.conflict && <Conflict conflict={saving.conflict} mine={whole} saving={saving} dispatch={dispatch} />}
        <div className={css.said} role="status" aria-live="polite">
          {said}
        </div>
      </div>
    </DesignerContext>
  );
}

/** A version that came from elsewhere: taken at once where nothing would be lost, else told. */
function useNewer(workflow: Workflow | null, state: DesignerState, unsaved: boolean, dispatch: (step: Step) => void) {
  const { saved } = state;
  const newer = workflow && saved && workflow.id === saved.id && workflow.version > saved.version ? workflow : null;
  useEffect(() => {
    if (!newer || unsaved) return;
    dispatch({ do: 'load', workflow: newer });
    toast({ text: `Version ${newer.version} was saved elsewhere, and is shown now.` });
  }, [newer, unsaved, dispatch]);
  return unsaved ? newer : null;
}
