// The designer's state with what acts on it, made once for each workflow that is opened.
import { useCallback, useEffect, useMemo, useReducer, useRef, useState } from 'react';
import type { Catalogue, Definition } from '@/api/types';
import type { Act } from '@/flow';
import { actionTitle } from '@/flow/sentences';
import { type Done, perform, triggerOf } from './acts';
import type { Designer, PreviewEvent } from './context';
import { faultsOf } from './faults';
import { slug } from './model/ids';
import { proposedName } from './model/proposals';
import { type DesignerState, reduce, type View } from './state';
import { useValidation } from './useValidation';

/** The card gets the keyboard, as soon as it is drawn. */
export function focusCard(key: string): void {
  const look = () => document.querySelector<HTMLElement>(`[data-card="${CSS.escape(key)}"]`);
  requestAnimationFrame(() => requestAnimationFrame(() => look()?.focus({ preventScroll: true })));
}

/** The definition as it would be saved: with a name and an id. */
export function named(definition: Definition, catalogue: Catalogue): Definition {
  const name = definition.name || proposedName(definition, (action) => actionTitle(action, catalogue));
  return { ...definition, name, id: definition.id || slug(name, 'new-workflow') };
}

export function useDesignerState(begin: () => DesignerState, catalogue: Catalogue, readOnly: boolean) {
  const [state, dispatch] = useReducer(reduce, undefined, begin);
  const [chosen, setEvent] = useState<PreviewEvent | null>(null);
  const [said, setSaid] = useState('');
  const definition = state.history.present;
  const now = useRef(state);
  now.current = state;

  const whole = useMemo(() => named(definition, catalogue), [definition, catalogue]);
  const { validation, current } = useValidation(whole);
  const faults = useMemo(() => faultsOf(whole, validation), [whole, validation]);

  const trigger = triggerOf(definition, catalogue);
  const sample = useMemo<PreviewEvent | null>(
    () => (trigger ? { envelope: trigger.sample, name: 'A sample event', id: null } : null),
    [trigger],
  );
  // An event of another trigger has nothing to show.
  const event = chosen && chosen.envelope.type === trigger?.type ? chosen : sample;

  const change = useCallback(
    (next: Definition, mark?: string) => {
      if (!readOnly) dispatch({ do: 'change', next, at: Date.now(), ...(mark && { mark }) });
    },
    [readOnly],
  );
  const show = useCallback((view: View) => dispatch({ do: 'show', view }), []);
  const done = useCallback(
    (made: Done | null) => {
      if (!made) return;
      if (made.next !== now.current.history.present && !readOnly) {
        dispatch({ do: 'change', next: made.next, at: Date.now(), ...(made.view && { view: made.view }) });
      } else if (made.view) dispatch({ do: 'show', view: made.view });
      if (made.focus) focusCard(made.focus);
      if (made.said) setSaid(made.said);
    },
    [readOnly],
  );
  const act = useCallback(
    (asked: Act) => {
      const changes = asked.do !== 'edit';
      if (readOnly && changes) return;
      done(perform(now.current.history.present, asked, catalogue));
      if (asked.do === 'edit' && document.activeElement?.closest('[data-card]'))
        setSaid('Panel opened; Tab goes into it, Escape closes it');
    },
    [catalogue, done, readOnly],
  );
  const undo = useCallback(() => dispatch({ do: 'undo' }), []);
  const redo = useCallback(() => dispatch({ do: 'redo' }), []);
  const close = useCallback(() => {
    const { view } = now.current;
    dispatch({ do: 'show', view: { show: 'nothing' } });
    focusCard(view.show === 'card' ? view.key : 'trigger');
  }, []);

  const designer: Designer = useMemo(
    () => ({
      state,
      definition,
      catalogue,
      validation,
      current,
      faults,
      readOnly,
      event,
      setEvent,
      change,
      done,
      act,
      show,
      close,
      undo,
      redo,
    }),
    [
      state,
      definition,
      catalogue,
      validation,
      current,
      faults,
      readOnly,
      event,
      change,
      done,
      act,
      show,
      close,
      undo,
      redo,
    ],
  );
  useEffect(() => {
    if (!said) return;
    const timer = setTimeout(() => setSaid(''), 4_000);
    return () => clearTimeout(timer);
  }, [said]);
  return { designer, state, now, dispatch, whole, validation, current, said };
}
