import { useTitle } from '@/shell/title';

export default function WorkflowRunsPage() {
  useTitle('Runs of this workflow');
  return <h1>Runs of this workflow</h1>;
}
