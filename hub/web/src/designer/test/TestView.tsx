import type { Definition } from '@/api/types';
export function TestView({ whole }: { whole: Definition }) {
  return <div>{whole.name}</div>;
}
