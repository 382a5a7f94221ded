import { useTitle } from '@/shell/title';

export default function VersionsPage() {
  useTitle('Versions');
  return <h1>Versions</h1>;
}
