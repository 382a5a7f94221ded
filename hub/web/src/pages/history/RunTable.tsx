// Runs as rows: whom each was about, how it went and what it did, or what kept it from running.
import { type Dispatch, type KeyboardEvent, type MouseEvent, memo, type SetStateAction, useCallback } from 'react';
import { Link } from 'wouter';
import type { RunBrief } from '@/api/types';
import { triggerIcon } from '@/flow/icons';
import { RelativeTime } from '@/parts/RelativeTime';
import { StatusChip } from '@/parts/status';
import { humanise } from '@/parts/words';
import { prepare } from '@/routes';
import { Elapsed } from '@/timeline/Elapsed';
import { Bone } from './Bone';
import type { RunKind } from './filters';
import { outcomeOf } from './outcome';
import css from './runs.module.css';
import { didOf, useOutcomes } from './useOutcomes';
import { subjectOf } from './words';

interface Props {
  kind: RunKind;
  rows: RunBrief[];
  loading: boolean;
  withWorkflow: boolean;
  /** null: nothing can be selected here. */
  selected: ReadonlySet<string> | null;
  onSelect: Dispatch<SetStateAction<ReadonlySet<string>>>;
}

export function RunTable({ kind, rows, loading, withWorkflow, selected, onSelect }: Props) {
  useOutcomes(rows);
  const all = rows.length > 0 && rows.every((row) => selected?.has(row.run_id));
  const toggle = useCallback(
    (id: string, on: boolean) =>
      onSelect((before) => {
        const next = new Set(before);
        if (on) next.add(id);
        else next.delete(id);
        return next;
      }),
    [onSelect],
  );
  return (
    <table className={css.table} data-kind={kind} aria-busy={loading} onKeyDown={walk}>
      <thead>
        <tr>
          {selected && (
            <th className={css.check}>
              <input
                type="checkbox"
                aria-label="Select all that are shown"
                checked={all}
                onChange={(event) =>
                  onSelect(new Set(event.currentTarget.checked ? rows.map((row) => row.run_id) : []))
                }
              />
            </th>
          )}
          <th className={css.status}>Status</th>
          <th className={css.about}>About</th>
          <th>{kind === 'runs' ? 'What happened' : 'Why it did not run'}</th>
          <th className={css.started}>{kind === 'runs' ? 'Started' : 'When'}</th>
          {kind === 'runs' ? <th className={css.took}>Took</th> : <td className={css.try} />}
        </tr>
      </thead>
      <tbody>
        {rows.length === 0 && loading
          ? BONES.map((width) => <BoneRow key={width} width={width} check={selected !== null} />)
          : rows.map((row) => (
              <RunRow
                key={row.run_id}
                run={row}
                kind={kind}
                did={didOf(row)}
                withWorkflow={withWorkflow}
                checked={selected ? selected.has(row.run_id) : null}
                onCheck={toggle}
              />
            ))}
      </tbody>
    </table>
  );
}

interface RowProps {
  run: RunBrief;
  /** What it did, once that is known. */
  did: string | undefined;
  kind: RunKind;
  withWorkflow: boolean;
  checked: boolean | null;
  onCheck: (id: string, on: boolean) => void;
}

const RunRow = memo(function RunRow({ run, did, kind, withWorkflow, checked, onCheck }: RowProps) {
  const href = `/runs/${encodeURIComponent(run.run_id)}`;
  const subject = subjectOf(run);
  const Icon = triggerIcon(run.trigger_type ?? undefined);
  const outcome = outcomeOf(run, did);
  return (
    <tr className={css.row} data-status={run.status} data-checked={checked || undefined}>
      {checked !== null && (
        <td className={css.check}>
          <input
            type="checkbox"
            aria-label={`Select the run about ${subject.name}`}
            checked={checked}
            onChange={(event) => onCheck(run.run_id, event.currentTarget.checked)}
          />
        </td>
      )}
      <td className={css.status}>
        <StatusChip status={run.status} />
      </td>
      <td className={css.about}>
        <Link href={href} className={css.subject} onPointerEnter={() => prepare(href)}>
          {subject.name}
        </Link>
        <span className={css.under}>
          <Icon size={14} stroke={1.8} aria-hidden />
          <span>
            {withWorkflow ? `${run.workflow_name ?? run.workflow_id} · ` : subject.id ? `${subject.id} · ` : ''}
            {humanise(run.trigger_type ?? '')}
          </span>
        </span>
      </td>
      <td className={css.outcome} data-tone={outcome.tone}>
        {outcome.text ? <span title={outcome.text}>{outcome.text}</span> : <Bone width="55%" height={14} />}
      </td>
      <td className={css.started}>
        <RelativeTime at={run.started_at} />
      </td>
      {kind === 'runs' ? (
        <td className={css.took}>
          <Elapsed since={run.started_at} ms={run.duration_ms} />
        </td>
      ) : (
        <td className={css.try}>
          <Link href={tryHref(run)} onClick={stop}>
            Try it again
          </Link>
        </td>
      )}
    </tr>
  );
});

function stop(event: MouseEvent): void {
  event.stopPropagation();
}

/** The designer's Test, with the event of this run. */
function tryHref(run: RunBrief): string {
  return `/workflows/${encodeURIComponent(run.workflow_id)}?tab=test&run=${encodeURIComponent(run.run_id)}`;
}

/** Arrow keys go from row to row. */
function walk(event: KeyboardEvent<HTMLTableElement>): void {
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
  if (!(event.target instanceof HTMLElement) || !event.target.classList.contains(css.subject ?? '')) return;
  const links = [...event.currentTarget.querySelectorAll<HTMLElement>(`.${css.subject}`)];
  const next = links[links.indexOf(event.target) + (event.key === 'ArrowDown' ? 1 : -1)];
  event.preventDefault();
  next?.focus();
}

const BONES = [62, 48, 70, 55, 66, 44, 58, 73];

function BoneRow({ width, check }: { width: number; check: boolean }) {
  return (
    <tr className={css.row}>
      {check && <td className={css.check} />}
      <td className={css.status}>
        <Bone width={92} height={22} />
      </td>
      <td className={css.about}>
        <Bone width={`${width}%`} height={16} />
        <span className={css.under}>
          <Bone width="80%" height={13} />
        </span>
      </td>
      <td className={css.outcome}>
        <Bone width={`${width}%`} height={14} />
      </td>
      <td className={css.started}>
        <Bone width={70} height={14} />
      </td>
      <td className={css.took}>
        <Bone width={40} height={14} />
      </td>
    </tr>
  );
}
