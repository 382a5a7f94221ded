// What every page has: a heading, what can be done here, and the content below.
import type { ReactNode } from 'react';
import { useTitle } from '@/shell/title';
import css from './Page.module.css';

interface Props {
  title: string;
  /** Beside the heading: counts, chips. */
  beside?: ReactNode;
  /** One sentence below the heading. */
  lead?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

export function Page({ title, beside, lead, actions, children }: Props) {
  useTitle(title);
  return (
    <div className={css.page}>
      <header className={css.head}>
        <div className={css.titles}>
          <div className={css.line}>
            <h1>{title}</h1>
            {beside}
          </div>
          {lead && <p className={css.lead}>{lead}</p>}
        </div>
        {actions && <div className={css.actions}>{actions}</div>}
      </header>
      {children}
    </div>
  );
}

/** A white area with a border: a table, a form. */
export function Panel({ children, className, label }: { children: ReactNode; className?: string; label?: string }) {
  return (
    <section className={className ? `${css.panel} ${className}` : css.panel} aria-label={label}>
      {children}
    </section>
  );
}
