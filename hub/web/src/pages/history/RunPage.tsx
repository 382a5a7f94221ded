import { useTitle } from '@/shell/title';

export default function RunPage() {
  useTitle('Run');
  return <h1>Run</h1>;
}
