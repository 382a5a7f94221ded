import { IconCheck, IconCopy } from '@tabler/icons-react';
import { useState } from 'react';
import { toast } from '@/shell/Toasts';
import css from './CopyButton.module.css';

/** Puts a text into the clipboard, and says so in place. */
export function CopyButton({ text, label = 'Copy', children }: { text: string; label?: string; children?: string }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setDone(true);
      setTimeout(() => setDone(false), 1_500);
    } catch {
      toast({ kind: 'trouble', text: 'The browser does not let this page copy. Select the text instead.' });
    }
  };
  return (
    <button
      type="button"
      className={css.copy}
      aria-label={done ? 'Copied' : label}
      title={label}
      onClick={() => void copy()}
    >
      {done ? <IconCheck size={15} aria-hidden /> : <IconCopy size={15} aria-hidden />}
      {children && <span>{done ? 'Copied' : children}</span>}
    </button>
  );
}
