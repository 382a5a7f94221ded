// Whether all goes well: throughput, failures, what waits, who is behind, and what was kept back.
import { NativeSelect } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { queries } from '@/api/queries';
import type { Insight } from '@/api/types';
import { Page, Panel } from '@/parts/Page';
import { useUrlState } from '@/parts/useUrlState';
import { Trouble } from '@/shell/ErrorPages';
import { isUntold, signals, totals } from './figures';
import { HealthSkeleton } from './HealthSkeleton';
import css from './health.module.css';
import { Failing, KeptBack, Lag, Steps } from './Panels';
import { Rules } from './Rules';
import { Signals } from './Signals';
import { Throughput } from './Throughput';

const RANGES = [
  { minutes: 15, last: '15m', label: 'Last 15 minutes' },
  { minutes: 60, last: '1h', label: 'Last hour' },
  { minutes: 360, last: '6h', label: 'Last 6 hours' },
  { minutes: 1440, last: '24h', label: 'Last 24 hours' },
];
const HOUR = { minutes: 60, last: '1h', label: 'Last hour' };
const POLL_MS = 5_000;

export default function HealthPage() {
  const [{ last }, setAddress] = useUrlState('last');
  const range = RANGES.find((one) => one.last === last) ?? HOUR;
  const { data, error, refetch } = useQuery({
    ...queries.insight(range.minutes),
    // Who is behind changes without any news of a run.
    refetchInterval: POLL_MS,
  });
  return (
    <Page
      title="Health"
      actions={
        <NativeSelect
          aria-label="Time"
          value={range.last}
          onChange={(event) =>
            setAddress({ last: event.currentTarget.value === '1h' ? '' : event.currentTarget.value })
          }
          data={RANGES.map((one) => ({ value: one.last, label: one.label }))}
        />
      }
    >
      {data ? (
        <Figures insight={data} range={range} />
      ) : error ? (
        <Trouble error={error} retry={() => void refetch()} />
      ) : (
        <HealthSkeleton />
      )}
    </Page>
  );
}

function Figures({ insight, range }: { insight: Insight; range: typeof HOUR }) {
  const sum = totals(insight.series);
  const query = `last=${range.last}`;
  return (
    <div className={css.page}>
      <Signals signals={signals(insight, `&${query}`)} words={range.label.toLowerCase()} untold={isUntold(insight)} />
      <ul className={css.tiles}>
        <Tile href={`/runs?${query}`} name="Runs started" value={sum.started} />
        <Tile href={`/runs?status=completed&${query}`} name="Completed" value={sum.completed} />
        <Tile href={`/runs?status=failed&${query}`} name="Failed" value={sum.failed} bad={sum.failed > 0}>
          {rate(sum.failed, sum.completed + sum.failed)}
        </Tile>
        <Tile href={`/runs/filtered?${query}`} name="Filtered out" value={sum.filtered} />
        <Tile href="/runs?status=running" name="Running now" value={insight.running} />
        <Tile href="/runs?status=waiting" name="Waiting now" value={insight.waiting} />
        <Tile href="/dead-letters" name="Dead letters" value={insight.dead_letters} bad={insight.dead_letters > 0} />
      </ul>
      <Throughput series={insight.series} label={range.label} />
      <div className={css.grid}>
        <Failing insight={insight} query={query} />
        <KeptBack insight={insight} query={query} />
        <Rules />
        <Lag insight={insight} />
        <Steps insight={insight} />
      </div>
    </div>
  );
}

function rate(failed: number, all: number): string | null {
  if (all === 0 || failed === 0) return null;
  const percent = (100 * failed) / all;
  return `${percent < 1 ? 'under 1' : Math.round(percent)} %`;
}

function Tile(props: { href: string; name: string; value: number; bad?: boolean; children?: ReactNode }) {
  return (
    <li>
      <Panel className={css.tilePanel}>
        <Link href={props.href} className={css.tile} data-bad={props.bad || undefined}>
          <span className={css.name}>{props.name}</span>
          <span className={css.value}>
            {props.value.toLocaleString('en')}
            {props.children && <small>{props.children}</small>}
          </span>
        </Link>
      </Panel>
    </li>
  );
}
