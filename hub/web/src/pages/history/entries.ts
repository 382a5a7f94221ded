// What an entry of the run log says, in words, and which are only the engine's own book-keeping.
import type { Json, RunEntry } from '@/api/types';
import type { Tone } from '@/parts/status';
import { errorWords } from '@/timeline/errors';
import { whoWords } from '@/timeline/turns';

/** Entries whose news another one has: that a command was issued is told by what became of it. */
export function isInternal(entry: RunEntry, entries: RunEntry[]): boolean {
  if (entry.type === 'run.waiting') return entry.data.reason === 'retry';
  if (entry.type !== 'step.started') return false;
  return entries.some((later) => later.seq > entry.seq && isOutcome(later) && sameTry(later, entry));
}

const OUTCOMES = new Set(['step.succeeded', 'step.failed', 'step.skipped']);
const isOutcome = (entry: RunEntry): boolean => OUTCOMES.has(entry.type);

function sameTry(one: RunEntry, other: RunEntry): boolean {
  return (
    one.data.position === other.data.position &&
    one.data.attempt === other.data.attempt &&
    (one.data.generation ?? 0) === (other.data.generation ?? 0)
  );
}

const TONES: Record<string, Tone> = {
  'step.succeeded': 'ok',
  'run.completed': 'ok',
  'step.failed': 'bad',
  'run.failed': 'bad',
  'run.waiting': 'wait',
  'run.suppressed': 'wait',
  'run.resumed': 'busy',
  'run.restarted': 'busy',
};

export function entryTone(type: string): Tone {
  return TONES[type] ?? 'mute';
}

/** The news in one line. */
export function entryWords({ type, data }: RunEntry): string {
  const step = text(data.step);
  const tried = typeof data.attempt === 'number' && data.attempt > 1 ? `, attempt ${data.attempt}` : '';
  switch (type) {
    case 'run.started':
    case 'run.skipped':
      return `${workflow(data.workflow)}${data.shadow === true ? ', in shadow' : ''}`;
    case 'run.suppressed':
    case 'run.failed':
      return text(data.reason) || text(data.error);
    case 'step.failed':
      return `${step}${tried}: ${errorWords(object(data.error))}`;
    case 'step.condition':
      return `${step}: ${data.result === true ? 'yes' : 'no'}`;
    case 'run.waiting':
      return `${step}, until ${text(data.until)}${data.reason === 'retry' ? ', to try again' : ''}`;
    case 'run.cancelled':
    case 'run.resumed':
    case 'run.restarted':
      return `by ${whoWords(data.by)}`;
    default:
      return `${step}${tried}`;
  }
}

function workflow(value: Json | undefined): string {
  const { name, version } = object(value) ?? {};
  return `${text(name)}, version ${text(version)}`;
}

function object(value: Json | undefined): Record<string, Json> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
}

function text(value: Json | undefined): string {
  return value === undefined || value === null ? '' : String(value);
}
