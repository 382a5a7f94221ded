// A loop of workflows as a ring: each, what its step causes, and which that starts.
import { IconRefreshAlert } from '@tabler/icons-react';
import type { Cycle } from '@/api/types';
import css from './cycle.module.css';

export function CycleDrawing({ cycle }: { cycle: Cycle }) {
  return (
    <section className={css.cycle} aria-label="A loop">
      <p className={css.words}>
        <IconRefreshAlert size={16} aria-hidden />
        <span>{cycle.words}</span>
      </p>
      <ol className={css.ring}>
        {cycle.links.map((link) => (
          <li key={`${link.workflow}${link.step}`}>
            <span className={css.workflow}>
              {link.name}
              <small>step {link.step}</small>
            </span>
            <span className={css.causes}>
              {link.causes} → {link.type}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}
