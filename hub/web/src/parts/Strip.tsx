// A workflow's last runs, oldest first: each a small mark whose shape and colour tell how it went, and a link to it.
import { type KeyboardEvent, type MouseEvent, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import type { RecentRun } from '@/api/types';
import { agoAt, useNow } from './RelativeTime';
import css from './Strip.module.css';
import { RUN_WORDS } from './words';

const KEYS: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, Home: -100, End: 100 };

export function Strip({ runs, of }: { runs: RecentRun[]; of: string }) {
  const [, navigate] = useLocation();
  const list = useRef<HTMLUListElement>(null);
  const now = useNow();
  const [at, setAt] = useState<number | null>(null);
  const shown = [...runs].reverse();
  const hovered = at === null ? undefined : shown[at];
  // One stop of the Tab key for the whole strip; arrows go along it.
  const stop = at ?? shown.length - 1;

  const walk = (event: KeyboardEvent) => {
    const step = KEYS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(shown.length - 1, stop + step));
    list.current?.querySelectorAll('a')[next]?.focus();
  };
  const follow = (event: MouseEvent<HTMLElement>) => {
    const link = (event.target as HTMLElement).closest('a');
    if (!link || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey)
      return;
    event.preventDefault();
    navigate(link.getAttribute('href') ?? '');
  };

  if (shown.length === 0) return <span className={css.none}>No runs yet</span>;
  return (
    <div className={css.strip} onPointerLeave={() => setAt(null)}>
      <ul ref={list} aria-label={`Last runs of ${of}`} onKeyDown={walk} onClick={follow}>
        {shown.map((run, index) => (
          <li key={run.run_id}>
            {/* biome-ignore lint/a11y/useAnchorContent: its label is its content; what is seen is a mark */}
            <a
              href={`/runs/${encodeURIComponent(run.run_id)}`}
              data-status={run.status}
              tabIndex={index === stop ? 0 : -1}
              aria-label={`${RUN_WORDS[run.status]}, ${agoAt(run.started_at, now)}`}
              onPointerEnter={() => setAt(index)}
              onFocus={() => setAt(index)}
              onBlur={() => setAt(null)}
            >
              <span aria-hidden />
            </a>
          </li>
        ))}
      </ul>
      {hovered && at !== null && (
        <span className={css.hint} style={{ insetInlineStart: at * 8 + 4 }} aria-hidden>
          <b data-status={hovered.status}>{RUN_WORDS[hovered.status]}</b> {agoAt(hovered.started_at, now)}
        </span>
      )}
    </div>
  );
}
