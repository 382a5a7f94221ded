// One run: the way that it took on the flowchart of the version that ran, and its time by step, side by side.
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useParams } from 'wouter';
import { isProblem } from '@/api/client';
import { pollUnlessLive } from '@/api/live';
import { queries } from '@/api/queries';
import { useSession } from '@/api/session';
import type { Run } from '@/api/types';
import { useUrlState } from '@/parts/useUrlState';
import { Message, Trouble } from '@/shell/ErrorPages';
import { useTitle } from '@/shell/title';
import { firstPick, isPick, keyOf, type Pick, pickOf } from '@/timeline/selection';
import { Timeline } from '@/timeline/Timeline';
import { Chain } from './Chain';
import { Details } from './Details';
import { Log } from './Log';
import { RunFlow } from './RunFlow';
import { RunHeader } from './RunHeader';
import css from './RunPage.module.css';
import { RunSkeleton } from './RunSkeleton';
import { titleOf } from './titles';
import { isOpen, subjectOf } from './words';

const POLL_MS = 2_000;

export default function RunPage() {
  const { runId = '' } = useParams<{ runId: string }>();
  const {
    data: run,
    error,
    refetch,
  } = useQuery({
    ...queries.run(runId),
    refetchInterval: (query) =>
      query.state.data && isOpen(query.state.data.status) ? pollUnlessLive(POLL_MS)() : false,
  });
  if (run) return <Whole run={run} />;
  if (isProblem(error, 404)) return <NoRun />;
  if (error) return <Trouble error={error} retry={() => void refetch()} />;
  return <RunSkeleton />;
}

function NoRun() {
  const session = useSession();
  return (
    <Message
      title="No such run"
      text={`${session?.org ?? 'Your organisation'} has no run of this id. It may be older than what is kept, or the link may come from another organisation: a run is seen by its own alone.`}
    >
      <Link href="/runs">To the runs</Link>
    </Message>
  );
}

function Whole({ run }: { run: Run }) {
  const [address, setAddress] = useUrlState('view', 'flow', 'step');
  const view = address.view === 'log' ? 'log' : 'steps';
  const flow = address.flow !== 'off';
  const asked = address.step;
  const selected = asked && isPick(asked, run) ? asked : firstPick(run);
  const subject = subjectOf(run);
  useTitle(`${subject.name} · ${run.workflow_name ?? run.workflow_id}`);
  return (
    <div className={css.page}>
      <RunHeader run={run} subject={subject} />
      <Chain run={run} />
      <div className={css.views}>
        <nav aria-label="Views of the run" className={css.tabs}>
          <Tab on={view === 'steps'} onClick={() => setAddress({ view: '' })} label="Path and timeline" />
          <Tab on={view === 'log'} onClick={() => setAddress({ view: 'log' })} label={`Log · ${run.entries.length}`} />
        </nav>
        {view === 'steps' && (
          <button
            type="button"
            className={css.fold}
            aria-expanded={flow}
            onClick={() => setAddress({ flow: flow ? 'off' : '' })}
          >
            {flow ? 'Hide flowchart' : 'Show flowchart'}
          </button>
        )}
      </div>
      {view === 'log' ? (
        <Log run={run} />
      ) : (
        <Steps run={run} flow={flow} selected={selected} onSelect={(pick) => setAddress({ step: pick })} />
      )}
    </div>
  );
}

function Tab({ on, label, onClick }: { on: boolean; label: string; onClick: () => void }) {
  return (
    <button type="button" className={css.tab} aria-current={on ? 'page' : undefined} onClick={onClick}>
      {label}
    </button>
  );
}

/** The flowchart and the timeline: what is pointed at or selected in one is lit in the other. */
function Steps({
  run,
  flow,
  selected,
  onSelect,
}: {
  run: Run;
  flow: boolean;
  selected: Pick;
  onSelect: (pick: Pick) => void;
}) {
  const [hovered, setHovered] = useState<Pick | null>(null);
  const { data: catalogue } = useQuery(queries.catalogue());
  return (
    <div className={css.split} data-flow={flow || undefined}>
      {flow && (
        <section className={css.flow} aria-label="The way it took">
          <RunFlow
            run={run}
            catalogue={catalogue ?? null}
            selected={keyOf(selected, run)}
            lit={keyOf(hovered, run)}
            onSelect={(key) => {
              const pick = pickOf(key, run);
              if (pick && isPick(pick, run)) onSelect(pick);
            }}
            onHover={(key) => setHovered(pickOf(key, run))}
          />
        </section>
      )}
      <div className={css.right}>
        <section className={css.panel} aria-label="Timeline">
          <Timeline
            run={run}
            selected={selected}
            lit={hovered}
            onSelect={onSelect}
            onHover={setHovered}
            titles={(path) => titleOf(path, run, catalogue ?? null)}
          />
        </section>
        <Details run={run} pick={selected} catalogue={catalogue ?? null} />
      </div>
    </div>
  );
}
