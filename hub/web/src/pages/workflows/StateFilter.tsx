import type { State } from '@/api/types';
import { STATE_WORDS } from '@/parts/words';
import css from './workflows.module.css';

const STATES: State[] = ['enabled', 'shadow', 'disabled', 'draft'];

interface Props {
  counts: Record<State, number>;
  state: State | '';
  onChange: (state: State | '') => void;
}

/** How many workflows are in each state; a press shows only those. */
export function StateFilter({ counts, state, onChange }: Props) {
  const all = STATES.reduce((sum, one) => sum + (counts[one] ?? 0), 0);
  if (all === 0) return null;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would bring a form's look and meaning
    <div className={css.states} role="group" aria-label="Show by state">
      <button type="button" aria-pressed={state === ''} onClick={() => onChange('')}>
        All <b>{all}</b>
      </button>
      {STATES.filter((one) => counts[one] > 0 || one === state).map((one) => (
        <button
          key={one}
          type="button"
          data-state={one}
          aria-pressed={state === one}
          onClick={() => onChange(state === one ? '' : one)}
        >
          {STATE_WORDS[one]} <b>{counts[one]}</b>
        </button>
      ))}
    </div>
  );
}
