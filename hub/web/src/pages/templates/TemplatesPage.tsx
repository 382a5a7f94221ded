import { useTitle } from '@/shell/title';

export default function TemplatesPage() {
  useTitle('Templates');
  return <h1>Templates</h1>;
}
