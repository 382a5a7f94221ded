import { Link } from 'wouter';
import { prepare } from '@/routes';
import css from './WorkflowTabs.module.css';

const TABS = [
  { name: 'designer', label: 'Designer', path: '' },
  { name: 'runs', label: 'Runs', path: '/runs' },
  { name: 'versions', label: 'Versions', path: '/versions' },
] as const;

/** The pages of one workflow. */
export function WorkflowTabs({ id, here }: { id: string; here: (typeof TABS)[number]['name'] }) {
  return (
    <nav aria-label="Of this workflow" className={css.tabs}>
      {TABS.map(({ name, label, path }) => {
        const href = `/workflows/${encodeURIComponent(id)}${path}`;
        return (
          <Link
            key={name}
            href={href}
            aria-current={name === here ? 'page' : undefined}
            onPointerEnter={() => prepare(href)}
          >
            {label}
          </Link>
        );
      })}
    </nav>
  );
}
