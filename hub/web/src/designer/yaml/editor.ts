// The text editor of the YAML view. It has no undo of its own: the designer's is for both ways of editing.
import { defaultKeymap } from '@codemirror/commands';
import { yaml } from '@codemirror/lang-yaml';
import {
  bracketMatching,
  foldGutter,
  foldKeymap,
  HighlightStyle,
  indentOnInput,
  syntaxHighlighting,
  syntaxTree,
} from '@codemirror/language';
import { type Diagnostic, lintGutter, setDiagnostics } from '@codemirror/lint';
import { Annotation, EditorState, type Extension } from '@codemirror/state';
import { EditorView, highlightActiveLine, keymap, lineNumbers } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import type { Told } from '../faults';
import { placeInReason, placeOf } from './places';

/** Marks a change that came from the designer and not from the keyboard. */
const FromOutside = Annotation.define<boolean>();

const look = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: 'var(--accent-text)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--ok-text)' },
  { tag: [tags.number, tags.bool, tags.null, tags.keyword], color: 'var(--wait-text)' },
  { tag: tags.comment, color: 'var(--soft)', fontStyle: 'italic' },
  { tag: [tags.punctuation, tags.separator, tags.bracket], color: 'var(--soft)' },
]);

const theme = EditorView.theme({
  '&': { height: '100%', fontSize: '13px', backgroundColor: 'transparent', color: 'var(--text)' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.55' },
  '.cm-gutters': { backgroundColor: 'transparent', color: 'var(--soft)', border: 'none' },
  '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'var(--hover)' },
  '.cm-content': { caretColor: 'var(--text)' },
  '.cm-tooltip': {
    backgroundColor: 'var(--raised)',
    color: 'var(--text)',
    border: '1px solid var(--line)',
    borderRadius: '6px',
  },
  '.cm-diagnostic': { fontFamily: 'system-ui, sans-serif', fontSize: '12.5px' },
  '.cm-foldPlaceholder': { backgroundColor: 'var(--sunken)', color: 'var(--soft)', border: 'none' },
});

export interface Asked {
  text: string;
  readOnly: boolean;
  onType: (text: string) => void;
  onUndo: () => boolean;
  onRedo: () => boolean;
  onLeave: () => boolean;
}

export function makeEditor(parent: HTMLElement, asked: Asked): EditorView {
  const extensions: Extension[] = [
    lineNumbers(),
    foldGutter(),
    lintGutter(),
    bracketMatching(),
    indentOnInput(),
    highlightActiveLine(),
    EditorView.lineWrapping,
    yaml(),
    syntaxHighlighting(look),
    theme,
    EditorState.readOnly.of(asked.readOnly),
    EditorView.contentAttributes.of({ 'aria-label': 'The workflow as YAML', spellcheck: 'false', tabindex: '0' }),
    keymap.of([
      { key: 'Mod-z', run: asked.onUndo, preventDefault: true },
      { key: 'Mod-Shift-z', run: asked.onRedo, preventDefault: true },
      { key: 'Mod-y', run: asked.onRedo, preventDefault: true },
      { key: 'Escape', run: asked.onLeave },
      ...defaultKeymap,
      ...foldKeymap,
    ]),
    EditorView.updateListener.of((update) => {
      const outside = update.transactions.some((one) => one.annotation(FromOutside));
      if (update.docChanged && !outside) asked.onType(update.state.doc.toString());
    }),
  ];
  return new EditorView({ parent, state: EditorState.create({ doc: asked.text, extensions }) });
}

/** Another text, as little of it as differs, so that the caret and the scroll stay. */
export function setText(view: EditorView, text: string): void {
  const old = view.state.doc.toString();
  if (old === text) return;
  let from = 0;
  while (from < old.length && from < text.length && old[from] === text[from]) from += 1;
  let tail = 0;
  while (
    tail < old.length - from &&
    tail < text.length - from &&
    old[old.length - 1 - tail] === text[text.length - 1 - tail]
  )
    tail += 1;
  view.dispatch({
    changes: { from, to: old.length - tail, insert: text.slice(from, text.length - tail) },
    annotations: FromOutside.of(true),
  });
}

/** The faults at their lines. */
export function setFaults(view: EditorView, faults: Pick<Told, 'kind' | 'field' | 'reason'>[]): void {
  const text = view.state.doc.toString();
  const tree = syntaxTree(view.state);
  const found: Diagnostic[] = faults.map(({ kind, field, reason }) => ({
    ...(placeInReason(text, reason) ?? placeOf(tree, text, field)),
    severity: kind === 'warning' ? 'warning' : 'error',
    message: field ? `${field}: ${reason}` : reason,
  }));
  view.dispatch(setDiagnostics(view.state, found));
}
