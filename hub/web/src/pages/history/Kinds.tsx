// The three views of the history: what ran, what was filtered out, and the question why.
import { Link, useSearch } from 'wouter';
import { prepare } from '@/routes';
import css from './runs.module.css';

export type Kind = 'runs' | 'filtered' | 'why';

const LABELS: Record<Kind, string> = { runs: 'Runs', filtered: 'Filtered out', why: 'Why did it not run?' };
// What narrows both lists goes along from one to the other; statuses and errors are those of one.
const SHARED = ['workflow', 'entity', 'trigger', 'last', 'since', 'until'];

export function Kinds({ here, workflow }: { here: Kind; workflow?: { id: string } }) {
  const search = useSearch();
  const kinds: Kind[] = workflow ? ['runs', 'filtered'] : ['runs', 'filtered', 'why'];
  return (
    <nav className={css.kinds} aria-label="Views of the history">
      {kinds.map((one) => {
        const href = addressOf(one, workflow?.id, search);
        return (
          <Link
            key={one}
            href={href}
            aria-current={one === here ? 'page' : undefined}
            onPointerEnter={() => prepare(href)}
          >
            {LABELS[one]}
          </Link>
        );
      })}
    </nav>
  );
}

function addressOf(kind: Kind, workflow: string | undefined, search: string): string {
  const before = new URLSearchParams(search);
  const params = new URLSearchParams();
  const shared = kind === 'why' ? ['entity'] : SHARED;
  for (const name of shared) {
    const value = before.get(name);
    if (value) params.set(name, value);
  }
  if (workflow && kind === 'filtered') params.set('kind', 'filtered');
  const paths: Record<Kind, string> = { runs: '/runs', filtered: '/runs/filtered', why: '/why' };
  const path = workflow ? `/workflows/${encodeURIComponent(workflow)}/runs` : paths[kind];
  const query = params.toString();
  return query ? `${path}?${query}` : path;
}
