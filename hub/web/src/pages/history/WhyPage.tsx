import { useTitle } from '@/shell/title';

export default function WhyPage() {
  useTitle('Why did it not run?');
  return <h1>Why did it not run?</h1>;
}
