import { RunsView } from './RunsView';

/** Events that began no run, and why. */
export default function FilteredPage() {
  return <RunsView kind="filtered" />;
}
