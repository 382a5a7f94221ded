import { useTitle } from '@/shell/title';

export default function EditorPage() {
  useTitle('Workflow');
  return <h1>Workflow</h1>;
}
