import { Link } from 'wouter';
import { prepare } from '@/routes';
import css from './WorkflowTabs.module.css';

const TABS = [
  { name: 'designer', label: 'Design', path: '' },
  { name: 'test', label: 'Test', path: '?tab=test' },
  { name: 'runs', label: 'History', path: '/runs' },
  { name: 'versions', label: 'Versions', path: '/versions' },
] as const;

interface Props {
  id: string | null; // null: a new one, which has no past yet
  here: (typeof TABS)[number]['name'];
  /** Before another of its pages is shown. */
  onLeave?: () => void;
}

/** The pages of one workflow. */
export function WorkflowTabs({ id, here, onLeave }: Props) {
  const at = `/workflows/${id === null ? 'new' : encodeURIComponent(id)}`;
  return (
    <nav aria-label="Of this workflow" className={css.tabs}>
      {TABS.filter(({ path }) => id !== null || !path.startsWith('/')).map(({ name, label, path }) => {
        const href = at + path;
        return (
          <Link
            key={name}
            href={href}
            aria-current={name === here ? 'page' : undefined}
            onPointerEnter={() => prepare(href)}
            onClick={() => path.startsWith('/') && onLeave?.()}
          >
            {label}
          </Link>
        );
      })}
    </nav>
  );
}
