// The definition as YAML, both ways: what is typed is read by the Hub, what is drawn is written here.

import type { EditorView } from '@codemirror/view';
import { IconCode } from '@tabler/icons-react';
import { useEffect, useRef, useState } from 'react';
import type { Definition, Fault } from '@/api/types';
import { validate } from '@/api/writes';
import { useDesigner } from '../context';
import type { Told } from '../faults';
import { Panel } from '../panel/Panel';
import { edited } from '../state';
import { makeEditor, setFaults, setText } from './editor';
import css from './yaml.module.css';

const AFTER_MS = 300;

export default function YamlPanel() {
  const { definition, validation, current, faults, readOnly } = useDesigner();
  const box = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const [unread, setUnread] = useState<Fault[] | null>(null); // why the text is not in the flowchart
  const typed = useTyping(view, setUnread);
  const now = useKept(typed);

  useEffect(() => {
    if (!box.current) return;
    const editor = makeEditor(box.current, {
      text: '',
      readOnly,
      onType: (text) => now.current.type(text),
      onUndo: () => now.current.undo(),
      onRedo: () => now.current.redo(),
      onLeave: () => now.current.leave(),
    });
    view.current = editor;
    editor.focus();
    return () => editor.destroy();
  }, [readOnly, now]);

  // What changed elsewhere is written anew, once the Hub has said how.
  useEffect(() => {
    const editor = view.current;
    if (!editor || !current || !validation?.yaml || typed.isOwn(definition)) return;
    setText(editor, validation.yaml);
    setUnread(null);
    typed.wrote(definition);
  }, [definition, validation, current, typed]);

  useEffect(() => {
    const editor = view.current;
    if (!editor) return;
    const told: Pick<Told, 'kind' | 'field' | 'reason'>[] = unread
      ? unread.map((one) => ({ ...one, kind: 'fault' as const }))
      : faults.all;
    setFaults(editor, told);
  }, [unread, faults]);

  return (
    <Panel title="YAML" icon={IconCode} wide flush>
      {unread && (
        <p className={css.unread} role="status">
          Not in the flowchart yet: {unread[0]?.field ? `${unread[0].field} ` : ''}
          {unread[0]?.reason}
        </p>
      )}
      <div ref={box} className={css.editor} />
    </Panel>
  );
}

interface Typing {
  type: (text: string) => void;
  undo: () => boolean;
  redo: () => boolean;
  leave: () => boolean;
  isOwn: (definition: Definition) => boolean;
  wrote: (definition: Definition) => void;
}

/** What is typed, read a moment after; what can't be read stays text, and undo takes it back to what is drawn. */
function useTyping(view: React.RefObject<EditorView | null>, setUnread: (faults: Fault[] | null) => void): Typing {
  const designer = useDesigner();
  const now = useKept(designer);
  const asked = useRef<{ timer: ReturnType<typeof setTimeout> | undefined; abort: AbortController | null }>({
    timer: undefined,
    abort: null,
  });
  const own = useRef<Definition | null>(null); // what the text says
  const open = useRef(false); // typed, not read yet
  const [typing] = useState<Typing>(() => ({
    type: (text) => {
      clearTimeout(asked.current.timer);
      asked.current.abort?.abort();
      open.current = true;
      asked.current.timer = setTimeout(() => void read(text), AFTER_MS);
    },
    undo: () => {
      const { definition, validation } = now.current;
      if (open.current && view.current && validation?.yaml) {
        clearTimeout(asked.current.timer);
        open.current = false;
        setText(view.current, validation.yaml);
        setUnread(null);
        own.current = definition;
        return true;
      }
      now.current.undo();
      return true;
    },
    redo: () => {
      now.current.redo();
      return true;
    },
    leave: () => {
      now.current.close();
      return true;
    },
    isOwn: (definition) => definition === own.current || open.current,
    wrote: (definition) => {
      own.current = definition;
    },
  }));

  async function read(text: string): Promise<void> {
    const abort = new AbortController();
    asked.current.abort = abort;
    try {
      const answer = await validate(text, abort.signal);
      if (!answer.definition || !isWhole(answer.definition)) {
        setUnread(
          answer.faults.length > 0 ? answer.faults : [{ field: '', pointer: '', reason: 'This is not a workflow.' }],
        );
        return;
      }
      const next = kept(edited(answer.definition), now.current.definition, now.current.validation?.definition ?? null);
      open.current = false;
      own.current = next;
      setUnread(null);
      now.current.change(next, 'yaml');
    } catch {
      if (!abort.signal.aborted)
        setUnread([{ field: '', pointer: '', reason: 'The Hub does not answer; the text is kept here.' }]);
    }
  }
  return typing;
}

/** Steps that can be drawn: each with an id of its own. */
function isWhole(definition: Definition): boolean {
  const seen = new Set<string>();
  const walk = (steps: unknown): boolean =>
    Array.isArray(steps) &&
    steps.every((step: Record<string, unknown> | null) => {
      if (!step || typeof step.id !== 'string' || seen.has(step.id)) return false;
      seen.add(step.id);
      const kind = 'condition' in step || 'if' in step || typeof step.action === 'string';
      return kind && (step.then === undefined || walk(step.then)) && (step.else === undefined || walk(step.else));
    });
  return walk(definition.steps ?? []);
}

/** A name and an id that the text only repeats stay the proposed ones. */
function kept(next: Definition, old: Definition, told: Definition | null): Definition {
  return {
    ...next,
    steps: next.steps ?? [],
    name: old.name === '' && next.name === told?.name ? '' : (next.name ?? ''),
    id: old.id === '' && next.id === told?.id ? '' : (next.id ?? ''),
  };
}

function useKept<T>(value: T): React.RefObject<T> {
  const kept_ = useRef(value);
  kept_.current = value;
  return kept_;
}
