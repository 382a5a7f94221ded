// Short messages at the edge, read out by screen readers: for what went wrong, and to take back what was done.

import { IconAlertTriangle, IconCheck, IconX } from '@tabler/icons-react';
import { useSyncExternalStore } from 'react';
import css from './Toasts.module.css';

export interface Toast {
  text: string;
  kind?: 'done' | 'trouble';
  /** A button beside the text: Undo. */
  act?: { label: string; run: () => void };
  ms?: number;
}

interface Shown extends Toast {
  id: number;
}

let shown: Shown[] = [];
let last = 0;
const listeners = new Set<() => void>();

function set(next: Shown[]): void {
  shown = next;
  for (const listener of listeners) listener();
}

/** Shows a message for a while; the returned function takes it away. */
export function toast(message: Toast): () => void {
  last += 1;
  const id = last;
  const close = () => set(shown.filter((one) => one.id !== id));
  set([...shown.slice(-2), { ...message, id }]);
  setTimeout(close, message.ms ?? (message.kind === 'trouble' ? 10_000 : 6_000));
  return close;
}

/** Says what went wrong, in the Hub's words. */
export function toastError(error: unknown, doing?: string): void {
  const reason = error instanceof Error ? error.message : String(error);
  toast({ kind: 'trouble', text: doing ? `${doing}: ${reason}` : reason });
}

export function Toasts() {
  const messages = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => shown,
  );
  return (
    <section className={css.stack} aria-live="polite" aria-label="Messages">
      {messages.map((message) => (
        <div key={message.id} className={css.toast} data-kind={message.kind ?? 'done'}>
          {message.kind === 'trouble' ? (
            <IconAlertTriangle size={16} aria-hidden />
          ) : (
            <IconCheck size={16} aria-hidden />
          )}
          <span className={css.text}>{message.text}</span>
          {message.act && (
            <button
              type="button"
              className={css.act}
              onClick={() => {
                message.act?.run();
                set(shown.filter((one) => one.id !== message.id));
              }}
            >
              {message.act.label}
            </button>
          )}
          <button
            type="button"
            className={css.close}
            aria-label="Dismiss"
            onClick={() => set(shown.filter((one) => one.id !== message.id))}
          >
            <IconX size={14} aria-hidden />
          </button>
        </div>
      ))}
    </section>
  );
}
