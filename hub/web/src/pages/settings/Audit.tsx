// Who did what, newest first.
import { Button, NativeSelect } from '@mantine/core';
import { IconCheck, IconDots, IconX, type TablerIcon } from '@tabler/icons-react';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { Link } from 'wouter';
import { queries } from '@/api/queries';
import type { AuditRecord } from '@/api/types';
import { EmptyState } from '@/parts/EmptyState';
import { JsonView } from '@/parts/JsonView';
import { Panel } from '@/parts/Page';
import { RelativeTime } from '@/parts/RelativeTime';
import { Search } from '@/parts/Search';
import { Chip, type Tone } from '@/parts/status';
import { useUrlState } from '@/parts/useUrlState';
import { humanise } from '@/parts/words';
import { Trouble } from '@/shell/ErrorPages';
import css from './settings.module.css';

const SINCE = [
  { value: '', label: 'Any time' },
  { value: '1', label: 'Last 24 hours' },
  { value: '7', label: 'Last 7 days' },
  { value: '30', label: 'Last 30 days' },
];
const ACTIONS = [
  { value: '', label: 'Any action' },
  { value: 'workflow', label: 'On workflows' },
  { value: 'run', label: 'On runs' },
  { value: 'event', label: 'On events' },
  { value: 'dead-letter', label: 'On dead letters' },
  { value: 'key', label: 'On API keys' },
];
const DAY_MS = 86_400_000;

export function Audit() {
  const [{ who, target, action, since }, change] = useUrlState('who', 'target', 'action', 'since');
  const from = useMemo(() => (since ? new Date(Date.now() - Number(since) * DAY_MS).toISOString() : ''), [since]);
  const log = useInfiniteQuery(queries.audit({ who, target, action, since: from }));
  const records = log.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <>
      <div className={css.filters}>
        <Search label="Who" value={who} onChange={(text) => change({ who: text })} />
        <NativeSelect
          aria-label="Action"
          data={ACTIONS}
          value={action}
          onChange={(event) => change({ action: event.currentTarget.value })}
        />
        <Search label="Target: workflow/…" value={target} onChange={(text) => change({ target: text })} />
        <NativeSelect
          aria-label="When"
          data={SINCE}
          value={since}
          onChange={(event) => change({ since: event.currentTarget.value })}
        />
      </div>
      {log.error && !log.data && <Trouble error={log.error} retry={() => void log.refetch()} />}
      <Panel label="Audit log">
        {log.data && records.length === 0 && (
          <EmptyState
            title="Nothing here"
            text="Whatever people and keys change, enable, cancel or re-run is written down here."
          />
        )}
        {records.length > 0 && (
          <div className={css.scroll}>
            <table className={css.table}>
              <thead>
                <tr>
                  <th scope="col">When</th>
                  <th scope="col">Who</th>
                  <th scope="col">What</th>
                  <th scope="col">Target</th>
                  <th scope="col">Outcome</th>
                  <th scope="col">
                    <span className={css.hidden}>Details</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {records.map((record) => (
                  <Record key={record.id} record={record} />
                ))}
              </tbody>
            </table>
          </div>
        )}
        {log.hasNextPage && (
          <div className={css.more}>
            <Button variant="default" loading={log.isFetchingNextPage} onClick={() => void log.fetchNextPage()}>
              Show more
            </Button>
          </div>
        )}
      </Panel>
    </>
  );
}

function Record({ record }: { record: AuditRecord }) {
  const [open, setOpen] = useState(false);
  const href = pageOf(record.target);
  return (
    <>
      <tr>
        <td className={css.when}>
          <RelativeTime at={record.at} />
        </td>
        <th scope="row">
          {record.who}
          {record.role && <span className={css.soft}> {record.role}</span>}
        </th>
        <td title={record.action}>{actWords(record.action)}</td>
        <td>{href ? <Link href={href}>{record.target}</Link> : record.target}</td>
        <td>
          <Outcome outcome={record.outcome} />
          {record.problem && <span className={css.problem}>{record.problem}</span>}
        </td>
        <td className={css.act}>
          {Object.keys(record.details).length > 0 && (
            <button type="button" className={css.reveal} aria-expanded={open} onClick={() => setOpen(!open)}>
              Details
            </button>
          )}
        </td>
      </tr>
      {open && (
        <tr className={css.revealed}>
          <td colSpan={6}>
            <JsonView value={record.details} label="details" />
          </td>
        </tr>
      )}
    </>
  );
}

const OUTCOMES: Record<AuditRecord['outcome'], { tone: Tone; icon: TablerIcon }> = {
  done: { tone: 'ok', icon: IconCheck },
  refused: { tone: 'wait', icon: IconX },
  failed: { tone: 'bad', icon: IconX },
  begun: { tone: 'mute', icon: IconDots },
};

function Outcome({ outcome }: { outcome: AuditRecord['outcome'] }) {
  const { tone, icon } = OUTCOMES[outcome];
  return (
    <Chip tone={tone} icon={icon}>
      {humanise(outcome)}
    </Chip>
  );
}

/** workflow.enable → Enable workflow. */
function actWords(action: string): string {
  const at = action.lastIndexOf('.');
  return humanise(at < 0 ? action : `${action.slice(at + 1)} ${action.slice(0, at)}`);
}

/** The page of what was acted on: workflow/alert-to-ticket, run/0f3a…. */
function pageOf(target: string): string | null {
  const at = target.indexOf('/');
  const id = encodeURIComponent(target.slice(at + 1));
  const noun = target.slice(0, at);
  if (noun === 'workflow') return `/workflows/${id}`;
  return noun === 'run' ? `/runs/${id}` : null;
}
