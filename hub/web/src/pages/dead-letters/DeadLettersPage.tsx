import { useTitle } from '@/shell/title';

export default function DeadLettersPage() {
  useTitle('Dead letters');
  return <h1>Dead letters</h1>;
}
