// All workflows of the organisation: what starts each, whether it is on, and how its runs went.
import { Button, NativeSelect } from '@mantine/core';
import { IconFileImport, IconPlus } from '@tabler/icons-react';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { pollUnlessLive } from '@/api/live';
import { queries } from '@/api/queries';
import { useMay } from '@/api/session';
import type { State, WorkflowList } from '@/api/types';
import { EmptyState } from '@/parts/EmptyState';
import { Late, loading } from '@/parts/loading';
import { Page, Panel } from '@/parts/Page';
import { Search } from '@/parts/Search';
import { duration } from '@/parts/time';
import { useUrlState } from '@/parts/useUrlState';
import { humanise } from '@/parts/words';
import { prepare } from '@/routes';
import { Trouble } from '@/shell/ErrorPages';
import { StateFilter } from './StateFilter';
import { WorkflowTable } from './WorkflowTable';
import css from './workflows.module.css';

const importing = loading(() => import('./ImportDialog'));
const first = loading(() => import('./FirstWorkflow'));

const STALE_MS = 5_000;

export default function WorkflowsPage() {
  const mayWrite = useMay('hub.workflows.write');
  const [filters, setFilters] = useUrlState('search', 'state', 'trigger');
  const [asked, setAsked] = useState(false);
  const list = useInfiniteQuery({ ...queries.workflows(filters), refetchInterval: pollUnlessLive(15_000) });
  const newest = list.data?.pages[0];
  const filtered = Boolean(filters.search || filters.state || filters.trigger);
  const none = newest !== undefined && newest.items.length === 0;

  return (
    <Page
      title="Workflows"
      beside={
        newest && (
          <StateFilter
            counts={newest.counts}
            state={filters.state as State | ''}
            onChange={(state) => setFilters({ state })}
          />
        )
      }
      actions={
        mayWrite && (
          <>
            <Button
              variant="default"
              leftSection={<IconFileImport size={16} aria-hidden />}
              onClick={() => setAsked(true)}
              onPointerEnter={importing.start}
            >
              Import
            </Button>
            <Button
              component={Link}
              href="/workflows/new"
              leftSection={<IconPlus size={16} aria-hidden />}
              onPointerEnter={() => prepare('/workflows/new')}
            >
              New workflow
            </Button>
          </>
        )
      }
    >
      {none && !filtered ? (
        <Late code={first} props={{ mayWrite }} />
      ) : (
        <>
          <div className={css.filters}>
            <Search
              className={css.search}
              label="Search by name"
              value={filters.search}
              onChange={(search) => setFilters({ search })}
            />
            <TriggerFilter value={filters.trigger} onChange={(trigger) => setFilters({ trigger })} />
            <Age list={newest} />
          </div>
          {list.error && !newest ? <Trouble error={list.error} retry={() => void list.refetch()} /> : null}
          {none && (
            <Panel>
              <EmptyState title="No workflow fits" text="None has this name, state and trigger at once.">
                <Button variant="default" onClick={() => setFilters({ search: '', state: '', trigger: '' })}>
                  Show all
                </Button>
              </EmptyState>
            </Panel>
          )}
          {newest && !none && (
            <Panel label="Workflows">
              <WorkflowTable items={list.data?.pages.flatMap((page) => page.items) ?? []} />
              {list.hasNextPage && (
                <div className={css.more}>
                  <Button variant="default" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
                    Show more
                  </Button>
                </div>
              )}
            </Panel>
          )}
        </>
      )}
      {asked && <Late code={importing} props={{ close: () => setAsked(false) }} />}
    </Page>
  );
}

function TriggerFilter({ value, onChange }: { value: string; onChange: (type: string) => void }) {
  // Asked for once the list is there: it is only needed here when somebody opens it, and the designer has it then.
  const { data: catalogue } = useQuery(queries.catalogue());
  const types = catalogue?.triggers.map(({ type, title }) => ({ value: type, label: title })) ?? [];
  if (value && !types.some((type) => type.value === value)) types.push({ value, label: humanise(value) });
  return (
    <NativeSelect
      className={css.trigger}
      aria-label="Trigger"
      data={[{ value: '', label: 'Any trigger' }, ...types]}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}

/** Says when the figures are not of this moment. */
function Age({ list }: { list: WorkflowList | undefined }) {
  if (!list || list.age_ms < STALE_MS) return null;
  return <p className={css.age}>The figures about runs are {duration(list.age_ms)} old.</p>;
}
