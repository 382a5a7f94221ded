// The keys that work anywhere on the page: save, enable, undo, redo, and the list of keys.
import { useEffect, useRef } from 'react';
import type { Designer } from '@/designer/context';
import type { Step } from '@/designer/state';
import type { Saving } from '@/designer/useSaving';

interface Given {
  designer: Designer;
  saving: Saving;
  ready: boolean;
  dispatch: (step: Step) => void;
}

const isText = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.matches('input, textarea, select, [contenteditable="true"]') || target.isContentEditable);

export function useKeys(given: Given): void {
  const now = useRef(given);
  now.current = given;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const act = actOf(event);
      if (!act || event.defaultPrevented) return;
      event.preventDefault();
      perform(act, now.current);
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);
}

type Act = 'save' | 'enable' | 'undo' | 'redo' | 'keys';

function actOf(event: KeyboardEvent): Act | null {
  const key = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey) {
    if (key === 's') return 'save';
    if (key === 'enter') return 'enable';
    if (key === 'y') return 'redo';
    // In the text view the editor has an undo of its own, which comes to the same.
    if (key === 'z' && !(event.target instanceof HTMLElement && event.target.closest('.cm-editor')))
      return event.shiftKey ? 'redo' : 'undo';
    return null;
  }
  return event.key === '?' && !isText(event.target) ? 'keys' : null;
}

function perform(act: Act, { designer, saving, ready, dispatch }: Given): void {
  const problems = () => designer.show({ show: 'problems' });
  if (act === 'keys') designer.show({ show: 'keys' });
  if (act === 'keys' || designer.readOnly) return;
  if (act === 'undo' || act === 'redo') dispatch({ do: act });
  else if (saving.busy !== null) return;
  else if (act === 'save') void saving.save(designer.definition.state);
  else if (ready) void saving.save('enabled');
  else problems();
}
