import type { ReactNode } from 'react';
import css from './EmptyState.module.css';

/** What stands where nothing is to be shown: why, and what to do about it. */
export function EmptyState({ title, text, children }: { title: string; text?: ReactNode; children?: ReactNode }) {
  return (
    <div className={css.empty}>
      <h2>{title}</h2>
      {text && <p>{text}</p>}
      {children && <div className={css.acts}>{children}</div>}
    </div>
  );
}
