// How one run's news changes the list of workflows that is on the screen.
import type { RecentRun, RunSignal, WorkflowList } from './types';

const LENGTH = 20;

/** The last runs of a workflow after `signal`; a run that was filtered out has no place there. */
export function nextRecent(recent: RecentRun[], signal: RunSignal, now: string): RecentRun[] {
  const known = recent.find((run) => run.run_id === signal.run_id);
  const filtered = signal.status === 'skipped' || signal.status === 'suppressed';
  if (filtered) return known ? recent.filter((run) => run !== known) : recent;
  if (known) {
    if (known.status === signal.status) return recent;
    return recent.map((run) => (run === known ? { ...run, status: signal.status } : run));
  }
  return [{ run_id: signal.run_id, status: signal.status, started_at: now }, ...recent].slice(0, LENGTH);
}

/** The same pages where nothing changed, so that nothing is drawn again. */
export function patchRecent<D extends { pages: WorkflowList[] }>(data: D, signal: RunSignal, now: string): D {
  let changed = false;
  const pages = data.pages.map((page) => {
    const at = page.items.findIndex((item) => item.id === signal.workflow_id);
    const item = page.items[at];
    if (!item) return page;
    const recent = nextRecent(item.recent, signal, now);
    if (recent === item.recent) return page;
    changed = true;
    return { ...page, items: page.items.with(at, { ...item, recent }) };
  });
  return changed ? { ...data, pages } : data;
}
