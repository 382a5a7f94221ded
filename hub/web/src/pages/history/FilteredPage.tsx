import { useTitle } from '@/shell/title';

export default function FilteredPage() {
  useTitle('Filtered out');
  return <h1>Filtered out</h1>;
}
