// A text with {{variables}}: they are tinted in place, `{` lists them, and so does the button.
import { Popover } from '@mantine/core';
import { IconBraces } from '@tabler/icons-react';
import { type KeyboardEvent, useId, useMemo, useRef, useState } from 'react';
import { found } from '../picker/search';
import css from './TemplateInput.module.css';
import { typingAt, withVariable } from './typing';
import { VariableList } from './VariableList';
import { asChoices, shortly, type Variable, type VariableGroup } from './variables';

export interface TemplateInputProps {
  value: string;
  onChange: (value: string) => void;
  variables: VariableGroup[];
  label: string; // for who can't see the field's own
  describedBy?: string;
  invalid?: boolean;
  multiline?: boolean;
  mono?: boolean;
  small?: boolean; // among others in a row
  placeholder?: string;
  disabled?: boolean;
  autoFocus?: boolean;
  id?: string;
}

const MOST = 40; // in the list while typing: the words narrow it down

export function TemplateInput(props: TemplateInputProps) {
  const { value, onChange, variables, multiline = false } = props;
  const field = useRef<HTMLTextAreaElement>(null);
  const [caret, setCaret] = useState<number | null>(null);
  const [left, setLeft] = useState(false); // the list was closed by Escape
  const [active, setActive] = useState(0);
  const [browsing, setBrowsing] = useState(false);
  const id = useId();

  const typing = caret === null || left ? null : typingAt(value, caret);
  const groups = useMemo(() => asChoices(variables), [variables]);
  const hits = useMemo(
    () =>
      typing
        ? found(groups, typing.query)
            .flatMap((group) => group.choices)
            .slice(0, MOST)
        : [],
    [groups, typing],
  );
  const open = typing !== null && hits.length > 0;
  const picked = hits[Math.min(active, hits.length - 1)];

  const put = (variable: Variable, from: number, to: number) => {
    const made = withVariable(value, from, to, variable.path);
    onChange(made.text);
    setCaret(null);
    requestAnimationFrame(() => {
      field.current?.focus();
      field.current?.setSelectionRange(made.caret, made.caret);
    });
  };
  const moved = () => setCaret(field.current?.selectionStart ?? null);

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && !multiline && !open) event.preventDefault();
    if (!open || !typing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      setActive(Math.max(0, Math.min(hits.length - 1, Math.min(active, hits.length - 1) + step)));
    } else if (event.key === 'Enter' && picked) {
      event.preventDefault();
      put(picked.value, typing.from, caret ?? value.length);
    } else if (event.key === 'Escape') {
      event.preventDefault();
      event.stopPropagation();
      setLeft(true);
    }
  };

  return (
    <div
      className={css.around}
      data-small={props.small || undefined}
      data-invalid={props.invalid || undefined}
      data-disabled={props.disabled || undefined}
    >
      <Popover
        opened={open}
        position="bottom-start"
        width="target"
        offset={4}
        trapFocus={false}
        returnFocus={false}
        closeOnEscape={false}
        withRoles={false}
      >
        <Popover.Target>
          <div className={css.stack} data-multiline={multiline || undefined} data-mono={props.mono || undefined}>
            <div className={css.tint} aria-hidden>
              <Tinted text={value} />
            </div>
            <textarea
              ref={field}
              id={props.id}
              rows={multiline ? 3 : 1}
              value={value}
              aria-label={props.label}
              aria-describedby={props.describedBy}
              aria-invalid={props.invalid || undefined}
              aria-autocomplete="list"
              aria-controls={open ? `${id}-list` : undefined}
              aria-activedescendant={open && picked ? `${id}-${picked.id}` : undefined}
              placeholder={props.placeholder}
              disabled={props.disabled}
              spellCheck={false}
              // biome-ignore lint/a11y/noAutofocus: the panel was just opened for it
              autoFocus={props.autoFocus}
              onChange={(event) => {
                const text = multiline ? event.target.value : event.target.value.replace(/\r?\n/g, ' ');
                onChange(text);
                setLeft(false);
                setActive(0);
                setCaret(event.target.selectionStart);
              }}
              onKeyDown={onKeyDown}
              onKeyUp={(event) => event.key.startsWith('Arrow') && (event.key.length < 8 || !open) && moved()}
              onBlur={() => setCaret(null)}
            />
          </div>
        </Popover.Target>
        <Popover.Dropdown p={4}>
          <div id={`${id}-list`} role="listbox" aria-label="Variables" className={css.hits}>
            {hits.map((choice) => (
              // biome-ignore lint/a11y/useKeyWithClickEvents: keys are handled in the field
              // biome-ignore lint/a11y/useFocusableInteractive: the keyboard stays in the field
              <div
                key={choice.id}
                id={`${id}-${choice.id}`}
                role="option"
                aria-selected={choice === picked}
                className={css.hit}
                ref={(element) => {
                  if (choice === picked) element?.scrollIntoView?.({ block: 'nearest' });
                }}
                onMouseDown={(event) => event.preventDefault()}
                onClick={() => typing && put(choice.value, typing.from, caret ?? value.length)}
              >
                <span>{choice.id}</span>
                <span className={css.now}>{shortly(choice.value.now, 30)}</span>
              </div>
            ))}
          </div>
        </Popover.Dropdown>
      </Popover>
      {!props.disabled && (
        <Popover opened={browsing} onChange={setBrowsing} position="bottom-end" width={320} offset={4} withinPortal>
          <Popover.Target>
            <button
              type="button"
              className={css.braces}
              aria-label={`Insert a variable into ${props.label}`}
              title="Variables"
              aria-expanded={browsing}
              onClick={() => setBrowsing((old) => !old)}
            >
              <IconBraces size={15} aria-hidden />
            </button>
          </Popover.Target>
          <Popover.Dropdown p={0}>
            <VariableList
              variables={variables}
              onLeave={() => setBrowsing(false)}
              onPick={(variable) => {
                setBrowsing(false);
                const at = field.current?.selectionEnd ?? value.length;
                put(variable, at, at);
              }}
            />
          </Popover.Dropdown>
        </Popover>
      )}
    </div>
  );
}

/** The text behind the text: only the grounds of the variables are seen. */
function Tinted({ text }: { text: string }) {
  let at = 0;
  const parts = text.split(/(\{\{.*?\}\})/s).map((part, index) => {
    const key = `${index}/${at}`;
    at += part.length;
    return part.startsWith('{{') ? <mark key={key}>{part}</mark> : <span key={key}>{part}</span>;
  });
  // A line break at the end would not make a line.
  return [...parts, <span key="end">{'\u200b'}</span>];
}
