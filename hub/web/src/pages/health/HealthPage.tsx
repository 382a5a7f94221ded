import { useTitle } from '@/shell/title';

export default function HealthPage() {
  useTitle('Health');
  return <h1>Health</h1>;
}
