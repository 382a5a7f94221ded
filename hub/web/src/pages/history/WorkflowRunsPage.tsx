import { useQuery } from '@tanstack/react-query';
import { useParams } from 'wouter';
import { queries } from '@/api/queries';
import { useUrlState } from '@/parts/useUrlState';
import { RunsView } from './RunsView';

/** The execution history of one workflow. */
export default function WorkflowRunsPage() {
  const { id = '' } = useParams<{ id: string }>();
  const [{ kind }] = useUrlState('kind');
  const { data: workflow } = useQuery(queries.workflow(id));
  const name = workflow?.definition.name ?? id;
  return <RunsView kind={kind === 'filtered' ? 'filtered' : 'runs'} workflow={{ id, name }} />;
}
