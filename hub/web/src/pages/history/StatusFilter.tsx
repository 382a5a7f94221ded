// How many runs have each status; a press shows only those.
import type { RunCounts, RunStatus } from '@/api/types';
import { RUN_ICONS, RUN_TONES } from '@/parts/status';
import { RUN_WORDS } from '@/parts/words';
import { type Chosen, type RunKind, STATUSES, statusesOf, toggled } from './filters';
import css from './runs.module.css';

/** Of each status so many are counted. */
const CAP = 1_000;

interface Props {
  kind: RunKind;
  chosen: Chosen;
  counts: RunCounts | undefined;
  onChange: (status: string | null) => void;
}

export function StatusFilter({ kind, chosen, counts, onChange }: Props) {
  const on = new Set(statusesOf(chosen, kind));
  const number = (status: RunStatus): string => {
    if (!counts) return '';
    const known = counts.counts[status] ?? 0;
    return `${known.toLocaleString('en')}${counts.capped && known >= CAP ? '+' : ''}`;
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would bring a form's look and meaning
    <div className={css.statuses} role="group" aria-label="Show by status">
      <button type="button" aria-pressed={on.size === 0} onClick={() => onChange(null)}>
        All
      </button>
      {STATUSES[kind].map((status) => {
        const Icon = RUN_ICONS[status];
        return (
          <button
            key={status}
            type="button"
            data-tone={RUN_TONES[status]}
            data-none={counts && !counts.counts[status] ? true : undefined}
            aria-pressed={on.has(status)}
            onClick={() => onChange(toggled(chosen, kind, status))}
          >
            <Icon size={14} stroke={2.2} aria-hidden />
            {RUN_WORDS[status]} <b>{number(status)}</b>
          </button>
        );
      })}
    </div>
  );
}
