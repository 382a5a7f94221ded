// Every version of a workflow: when, by whom, in which state; what it changed; and back to it.
import { Button, NativeSelect } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation, useParams } from 'wouter';
import { isProblem } from '@/api/client';
import { queries } from '@/api/queries';
import { useMay } from '@/api/session';
import type { Version, Workflow } from '@/api/types';
import { saveWorkflow } from '@/api/writes';
import { edited } from '@/designer/state';
import { Page, Panel } from '@/parts/Page';
import { RelativeTime } from '@/parts/RelativeTime';
import { StateChip } from '@/parts/status';
import { useUrlState } from '@/parts/useUrlState';
import { WorkflowTabs } from '@/parts/WorkflowTabs';
import { NotFound, Trouble } from '@/shell/ErrorPages';
import { toast, toastError } from '@/shell/Toasts';
import { Comparison } from './Comparison';
import css from './versions.module.css';

export default function VersionsPage() {
  const { id = '' } = useParams<{ id: string }>();
  const workflow = useQuery(queries.workflow(id));
  const versions = useQuery(queries.versions(id));
  if (isProblem(workflow.error, 404)) return <NotFound />;
  if (versions.error && !versions.data) return <Trouble error={versions.error} />;
  const name = workflow.data?.definition.name ?? id;
  return (
    <Page
      title={name}
      lead="Every version that was in force, newest first."
      actions={<WorkflowTabs id={id} here="versions" />}
    >
      {workflow.data && versions.data && <Versions workflow={workflow.data} versions={versions.data.items} />}
    </Page>
  );
}

function Versions({ workflow, versions }: { workflow: Workflow; versions: Version[] }) {
  const [{ version, against }, setUrl] = useUrlState('version', 'against');
  const [newest] = versions;
  const chosen = versions.find((one) => String(one.version) === version) ?? newest;
  if (!chosen) return <p>There is no version yet.</p>;
  const before = versions.find((one) => one.version < chosen.version);
  const other = versions.find((one) => String(one.version) === against) ?? before;
  return (
    <div className={css.columns}>
      <Panel label="Versions" className={css.list}>
        <ol>
          {versions.map((one) => (
            <li key={one.version}>
              <button
                type="button"
                aria-current={one.version === chosen.version || undefined}
                onClick={() => setUrl({ version: String(one.version), against: '' })}
              >
                <b>Version {one.version}</b>
                <StateChip state={one.state} />
                {one.version === workflow.version && <em>in force</em>}
                <small>
                  <RelativeTime at={one.published_at} />
                  {one.by ? ` by ${one.by}` : ' by a program'}
                </small>
              </button>
            </li>
          ))}
        </ol>
      </Panel>
      <Panel label={`Version ${chosen.version}`} className={css.one}>
        <header>
          <h2>Version {chosen.version}</h2>
          {other && (
            <NativeSelect
              size="xs"
              label="against"
              className={css.against}
              value={String(other.version)}
              onChange={(event) => setUrl({ version: String(chosen.version), against: event.target.value })}
              data={versions
                .filter((one) => one.version !== chosen.version)
                .map((one) => ({ value: String(one.version), label: `version ${one.version}` }))}
            />
          )}
          <Restore workflow={workflow} version={chosen} />
        </header>
        <Comparison id={workflow.id} from={other?.version ?? null} to={chosen.version} />
      </Panel>
    </div>
  );
}

/** That version's text as the next version. The state stays what it is now: to go back is not to switch on. */
function Restore({ workflow, version }: { workflow: Workflow; version: Version }) {
  const may = useMay('hub.workflows.write');
  const [, navigate] = useLocation();
  const [busy, setBusy] = useState(false);
  const { data } = useQuery(queries.version(workflow.id, version.version));
  if (!may || version.version === workflow.version) return null;
  const restore = async () => {
    if (!data) return;
    setBusy(true);
    try {
      const made = await saveWorkflow(
        { ...edited(data.definition), id: workflow.id, state: workflow.state },
        workflow.version,
      );
      toast({ text: `Version ${version.version} is restored, as version ${made.version}.` });
      navigate(`/workflows/${encodeURIComponent(workflow.id)}/versions`);
    } catch (error) {
      toastError(error, 'Not restored');
    } finally {
      setBusy(false);
    }
  };
  return (
    <Button size="xs" variant="default" loading={busy} disabled={!data} onClick={() => void restore()}>
      Restore this version
    </Button>
  );
}
