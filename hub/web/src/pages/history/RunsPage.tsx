import { useTitle } from '@/shell/title';

export default function RunsPage() {
  useTitle('Runs');
  return <h1>Runs</h1>;
}
