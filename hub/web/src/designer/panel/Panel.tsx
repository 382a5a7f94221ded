// The drawer at the right of the flowchart, a sheet at the bottom of a narrow screen. The flowchart stays in view beside it.
import { IconX } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import type { Icon } from '@/flow/icons';
import { useDesigner } from '../context';
import css from './Panel.module.css';

export interface PanelProps {
  title: string;
  lead?: ReactNode;
  icon?: Icon;
  wide?: boolean;
  flush?: boolean; // the body brings its own margins
  footer?: ReactNode;
  children: ReactNode;
}

export function Panel({ title, lead, icon: Mark, wide, flush, footer, children }: PanelProps) {
  const { close } = useDesigner();
  return (
    <aside
      className={css.panel}
      data-wide={wide || undefined}
      data-panel
      aria-label={title}
      onKeyDown={(event) => {
        // What stands in front of the panel, a menu or a list, closes by itself, and the panel stays.
        const inside = event.target instanceof Node && event.currentTarget.contains(event.target);
        if (event.key !== 'Escape' || event.defaultPrevented || !inside) return;
        event.preventDefault();
        close();
      }}
    >
      <header className={css.head}>
        {Mark && (
          <span className={css.tile}>
            <Mark size={17} stroke={1.8} aria-hidden />
          </span>
        )}
        <div className={css.titles}>
          <h2>{title}</h2>
          {lead && <p>{lead}</p>}
        </div>
        <button type="button" className={css.close} aria-label={`Close ${title}`} title="Close (Esc)" onClick={close}>
          <IconX size={17} aria-hidden />
        </button>
      </header>
      <div className={flush ? css.flush : css.body}>{children}</div>
      {footer && <footer className={css.foot}>{footer}</footer>}
    </aside>
  );
}
