import { useTitle } from '@/shell/title';

export default function WorkflowsPage() {
  useTitle('Workflows');
  return <h1>Workflows</h1>;
}
