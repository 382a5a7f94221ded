// A dead letter's value, to be corrected: the Hub checks it before it is sent, and its faults stand beside their lines.
import { Button, Textarea } from '@mantine/core';
import { IconSend } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useRef, useState } from 'react';
import { isProblem } from '@/api/client';
import type { DeadLetter, Fault, Place } from '@/api/types';
import { redrive } from '@/api/writes';
import { useLeaveGuard } from '@/shell/leave';
import { isCut, jsonFault, lineOf, pretty } from './letters';
import css from './letters.module.css';

interface Props {
  letter: DeadLetter;
  onClose: () => void;
  onSent: (place: Place, value: string) => void;
}

export function Editor({ letter, onClose, onSent }: Props) {
  const [text, setText] = useState(() => pretty(letter.value));
  const area = useRef<HTMLTextAreaElement>(null);
  const fault = jsonFault(text);
  const changed = text !== pretty(letter.value);
  useLeaveGuard(changed, 'Leave without sending? Your correction would be lost.');
  const send = useMutation({ mutationFn: () => redrive(letter.id, text), onSuccess: (place) => onSent(place, text) });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!fault && !send.isPending) send.mutate();
  };
  const first = letter.field ? [{ field: letter.field, pointer: '', reason: letter.reason }] : [];
  const faults = isProblem(send.error) && send.error.faults.length > 0 ? send.error.faults : send.error ? [] : first;
  return (
    <form className={css.form} onSubmit={submit}>
      {send.error && (
        <p className={css.trouble} role="alert">
          {isProblem(send.error) ? `${send.error.title}: ` : ''}
          {send.error.message}
        </p>
      )}
      <Faults faults={faults} text={text} onGo={(line) => goTo(area.current, line)} />
      <Textarea
        ref={area}
        label="Corrected value"
        description={
          isCut(letter.value)
            ? 'Only the beginning of the value is kept here: what is sent is what stands here.'
            : undefined
        }
        classNames={{ input: css.editor ?? '' }}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        error={changed && fault}
        autosize
        minRows={12}
        maxRows={32}
        spellCheck={false}
        data-autofocus
      />
      <div className={css.acts}>
        <Button
          type="submit"
          leftSection={<IconSend size={16} aria-hidden />}
          disabled={Boolean(fault)}
          loading={send.isPending}
        >
          Send the corrected one
        </Button>
        <Button variant="default" disabled={Boolean(fault)} onClick={() => setText(pretty(text))}>
          Tidy up
        </Button>
        <Button variant="subtle" onClick={onClose}>
          Leave it
        </Button>
      </div>
    </form>
  );
}

function Faults({ faults, text, onGo }: { faults: Fault[]; text: string; onGo: (line: number) => void }) {
  if (faults.length === 0) return null;
  return (
    <ul className={css.faults} aria-label="What is wrong">
      {faults.map((fault) => {
        const line = lineOf(text, fault);
        return (
          <li key={fault.pointer + fault.field + fault.reason}>
            {fault.field && <code>{fault.field}</code>} {fault.reason}
            {line !== null && (
              <button type="button" onClick={() => onGo(line)}>
                Line {line}
              </button>
            )}
          </li>
        );
      })}
    </ul>
  );
}

/** Selects a line, so that it is seen and the next key writes there. */
function goTo(area: HTMLTextAreaElement | null, line: number): void {
  if (!area) return;
  const lines = area.value.split('\n');
  const begin = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  area.focus();
  area.setSelectionRange(begin + indent(lines[line - 1] ?? ''), begin + (lines[line - 1]?.length ?? 0));
  area.scrollTop = Math.max(0, (line - 4) * (area.scrollHeight / Math.max(1, lines.length)));
}

const indent = (line: string): number => line.length - line.trimStart().length;
