// A list of runs, or of events that were filtered out: of one workflow or of all.
import { Button } from '@mantine/core';
import { IconArrowUp } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useMemo, useRef, useState } from 'react';
import { useSearch } from 'wouter';
import { pollUnlessLive } from '@/api/live';
import { queries } from '@/api/queries';
import { useMay } from '@/api/session';
import type { RunBrief } from '@/api/types';
import { EmptyState } from '@/parts/EmptyState';
import { Page, Panel } from '@/parts/Page';
import { useUrlState } from '@/parts/useUrlState';
import { WorkflowTabs } from '@/parts/WorkflowTabs';
import { count } from '@/parts/words';
import { chosenOf, filtersOf, NAMES, type Name, type RunKind } from './filters';
import { Kinds } from './Kinds';
import { Nothing } from './Nothing';
import { RunFilters } from './RunFilters';
import { RunTable } from './RunTable';
import css from './runs.module.css';
import { SelectionBar } from './SelectionBar';
import { StatusFilter } from './StatusFilter';
import { useFeed } from './useFeed';
import { useScrolledAway } from './useScrolledAway';
import { useScrollPlace } from './useScrollPlace';

interface Props {
  kind: RunKind;
  workflow?: { id: string; name: string };
}

export function RunsView({ kind, workflow }: Props) {
  const search = useSearch();
  const [, setAddress] = useUrlState<Name>(...NAMES);
  const chosen = useMemo(
    () => ({ ...chosenOf(search), ...(workflow && { workflow: workflow.id }) }),
    [search, workflow],
  );
  // A span of time counts back from the moment at which it was chosen.
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new choice is a new moment
  const now = useMemo(() => Date.now(), [chosen]);
  const filters = useMemo(() => filtersOf(chosen, kind, now), [chosen, kind, now]);
  const may = useMay('hub.workflows.run');
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const top = useRef<HTMLDivElement>(null);
  const away = useScrolledAway(top);
  const feed = useFeed(filters, away || selected.size > 0);
  const counts = useQuery({
    ...queries.runCounts({ ...filters, status: undefined }),
    refetchInterval: pollUnlessLive(15_000),
  });
  useScrollPlace(feed.rows.length > 0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is selected belongs to what is shown
  useEffect(() => setSelected(new Set()), [filters]);

  const empty = !feed.loading && !feed.error && feed.rows.length === 0;
  const narrowed = NAMES.some((name) => chosen[name] && !(name === 'workflow' && workflow));
  const chosenRows = feed.rows.filter((row) => selected.has(row.run_id));
  return (
    <Page
      title={workflow?.name ?? 'Execution history'}
      beside={<Kinds here={kind} workflow={workflow} />}
      actions={workflow && <WorkflowTabs id={workflow.id} here="runs" />}
    >
      <RunFilters chosen={chosen} fixed={Boolean(workflow)} kind={kind} onChange={setAddress} />
      <StatusFilter
        kind={kind}
        chosen={chosen}
        counts={counts.data}
        onChange={(status) => setAddress({ status: status ?? '' })}
      />
      <div ref={top} />
      {feed.fresh > 0 && (
        <button
          type="button"
          className={css.fresh}
          onClick={() => {
            feed.release();
            setSelected(new Set());
            window.scrollTo({ top: 0 });
          }}
        >
          <IconArrowUp size={15} aria-hidden />
          {kind === 'runs' ? count(feed.fresh, 'new run') : count(feed.fresh, 'new event')}
        </button>
      )}
      <Panel label={kind === 'runs' ? 'Runs' : 'Filtered out'} className={css.panel}>
        {feed.error && feed.rows.length === 0 ? (
          <Failed error={feed.error} retry={feed.retry} />
        ) : empty ? (
          <Nothing kind={kind} narrowed={narrowed} workflow={workflow} onClear={() => setAddress(cleared())} />
        ) : (
          <>
            <RunTable
              kind={kind}
              rows={feed.rows}
              loading={feed.loading}
              withWorkflow={!workflow}
              selected={may && kind === 'runs' ? selected : null}
              onSelect={setSelected}
            />
            <More feed={feed} />
          </>
        )}
      </Panel>
      {chosenRows.length > 0 && <SelectionBar rows={chosenRows} onClear={() => setSelected(new Set())} />}
    </Page>
  );
}

function cleared(): Record<Name, string> {
  return Object.fromEntries(NAMES.map((name) => [name, ''])) as Record<Name, string>;
}

function Failed({ error, retry }: { error: unknown; retry: () => void }) {
  return (
    <EmptyState title="The runs can’t be shown" text={error instanceof Error ? error.message : String(error)}>
      <Button variant="default" onClick={retry}>
        Try again
      </Button>
    </EmptyState>
  );
}

function More({
  feed,
}: {
  feed: { more: (() => void) | null; loadingMore: boolean; moreError: unknown; rows: RunBrief[] };
}) {
  if (!feed.more) return null;
  return (
    <div className={css.more}>
      {feed.moreError ? (
        <p className={css.trouble} role="alert">
          {feed.moreError instanceof Error ? feed.moreError.message : 'That did not work.'}
        </p>
      ) : null}
      <Button variant="default" loading={feed.loadingMore} onClick={feed.more}>
        Show more
      </Button>
    </div>
  );
}
