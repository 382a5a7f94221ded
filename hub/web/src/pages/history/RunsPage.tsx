import { RunsView } from './RunsView';

/** The runs of all workflows. */
export default function RunsPage() {
  return <RunsView kind="runs" />;
}
