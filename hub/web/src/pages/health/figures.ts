// What the figures say: sums, signals, and bars that fit a chart.
import type { Insight } from '@/api/types';
import type { Tone } from '@/parts/status';
import { count } from '@/parts/words';

type Point = Insight['series'][number];

export interface Bucket extends Omit<Point, 'at'> {
  from: string;
  until: string;
}

const MINUTE = 60_000;

/** Points of equal length (a minute, and in a long time more) put together to at most `most` bars. */
export function buckets(series: Point[], most: number): Bucket[] {
  const [one, two] = series;
  const each = one && two ? Date.parse(two.at) - Date.parse(one.at) : MINUTE;
  const size = Math.max(1, Math.ceil(series.length / most));
  const first = series.length % size;
  const made: Bucket[] = [];
  for (let at = first === 0 ? 0 : first - size; at < series.length; at += size) {
    const part = series.slice(Math.max(0, at), at + size);
    const [begin] = part;
    const last = part.at(-1);
    if (begin && last) made.push(together(part, begin.at, new Date(Date.parse(last.at) + each).toISOString()));
  }
  return made;
}

function together(part: Point[], from: string, until: string): Bucket {
  const sum = (name: Exclude<keyof Point, 'at'>) => part.reduce((all, one) => all + one[name], 0);
  return {
    from,
    until,
    events: sum('events'),
    started: sum('started'),
    completed: sum('completed'),
    failed: sum('failed'),
    filtered: sum('filtered'),
  };
}

/** All of the time together. */
export function totals(series: Point[]): Omit<Bucket, 'from' | 'until'> {
  return together(series, '', '');
}

/** A round number that is not below `value`: where a chart's scale ends. */
export function roundUp(value: number): number {
  if (value <= 4) return 4;
  const size = 10 ** Math.floor(Math.log10(value));
  const step = [1, 1.5, 2, 3, 4, 5, 8, 10].find((one) => one * size >= value) ?? 10;
  return step * size;
}

export interface Signal {
  tone: Extract<Tone, 'bad' | 'wait'>;
  title: string;
  text: string;
  href: string;
}

/** Behind by so many records: a moment's work, or more than that. */
export const LAGS = 100;
const STUCK = 1000;
const MANY_FAIL = 0.2;
const FEW = 3;

/** How far behind is told: fine below a moment's work, a sign of trouble above. */
export function lagTone(behind: number): Tone {
  if (behind >= STUCK) return 'bad';
  return behind >= LAGS ? 'wait' : 'ok';
}

/** Kafka has not told (yet) who is behind. */
export function isUntold({ projector, lag }: Pick<Insight, 'projector' | 'lag'>): boolean {
  return !projector.caught_up && projector.behind === 0 && lag.length === 0;
}

/** What somebody on call would want to hear, the worst first. Nothing: all is well. */
export function signals(insight: Insight, range: string): Signal[] {
  const found: Signal[] = [...failing(insight, range), ...behind(insight), ...others(insight, range)];
  return found.sort((a, b) => (a.tone === b.tone ? 0 : a.tone === 'bad' ? -1 : 1));
}

function failing(insight: Insight, range: string): Signal[] {
  return insight.failing
    .filter((one) => one.failed > 0)
    .map((one) => ({
      tone: one.failed >= FEW && one.failed >= one.runs * MANY_FAIL ? 'bad' : 'wait',
      title: `${one.name ?? one.workflow_id} fails`,
      text: `${one.failed} of ${count(one.runs, 'run')}`,
      href: `/runs?workflow=${encodeURIComponent(one.workflow_id)}&status=failed${range}`,
    }));
}

function behind(insight: Insight): Signal[] {
  const found: Signal[] = insight.lag
    .filter((one) => one.behind >= LAGS)
    .map((one) => ({
      tone: one.behind >= STUCK ? 'bad' : 'wait',
      title: `${one.group} is behind`,
      text: `${one.behind.toLocaleString('en')} records of ${one.topic}`,
      href: '#behind',
    }));
  const { projector } = insight;
  if (!isUntold(insight) && (!projector.caught_up || projector.behind >= STUCK)) {
    found.push({
      tone: projector.behind >= STUCK ? 'bad' : 'wait',
      title: 'The history is behind',
      text: `${projector.behind.toLocaleString('en')} entries are not in it yet`,
      href: '#behind',
    });
  }
  return found;
}

function others(insight: Insight, range: string): Signal[] {
  const found: Signal[] = [];
  if (insight.dead_letters > 0) {
    found.push({
      tone: 'bad',
      title: count(insight.dead_letters, 'dead letter'),
      text: 'Records that could not be read',
      href: '/dead-letters',
    });
  }
  for (const one of insight.storms.filter((storm) => storm.guard !== 'throttle')) {
    found.push({
      tone: one.guard === 'loop' ? 'bad' : 'wait',
      title:
        one.guard === 'loop'
          ? `${one.name ?? one.workflow_id} is in a loop`
          : `Storm at ${one.name ?? one.workflow_id}`,
      text: `${count(one.suppressed, 'event')} kept back`,
      href: `/runs/filtered?workflow=${encodeURIComponent(one.workflow_id)}&status=suppressed${range}`,
    });
  }
  return found;
}
