// What became of a run, in the words of its row.
import type { RunBrief } from '@/api/types';
import { capitalised, sentence } from './words';

export interface Outcome {
  text: string;
  tone: 'bad' | 'soft' | 'plain';
}

const NO_NEWS: Partial<Record<RunBrief['status'], string>> = {
  running: 'In progress',
  waiting: 'Waits',
  completed: 'Nothing was to be done',
  cancelled: 'Cancelled before its end',
  failed: 'Failed',
  skipped: 'Its conditions were false',
  suppressed: 'A guard kept it back',
};

/** The error, the reason, or what it `did`: nothing as long as that is not known. */
export function outcomeOf(run: RunBrief, did?: string): Outcome {
  if (run.status === 'failed') return { text: sentence(run.error ?? 'Failed'), tone: 'bad' };
  const filtered = run.status === 'skipped' || run.status === 'suppressed';
  const reason = run.reason ?? (filtered ? run.error : null);
  if (filtered && reason) return { text: sentence(reason), tone: 'plain' };
  if (did === undefined) return { text: '', tone: 'soft' };
  if (did) return { text: capitalised(did), tone: 'plain' };
  return { text: NO_NEWS[run.status] ?? '', tone: 'soft' };
}
