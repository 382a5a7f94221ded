// Runs by their outcome over time: bars, each a link to the runs of its minutes.
import { type KeyboardEvent, type MouseEvent, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import type { Insight } from '@/api/types';
import { Panel } from '@/parts/Page';
import { count } from '@/parts/words';
import { type Bucket, buckets, roundUp } from './figures';
import css from './Throughput.module.css';

const MOST = 60;
const KINDS = [
  { name: 'failed', label: 'Failed' },
  { name: 'completed', label: 'Completed' },
  { name: 'filtered', label: 'Filtered out' },
] as const;
const STEPS: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, Home: -1000, End: 1000 };

export function Throughput({ series, label }: { series: Insight['series']; label: string }) {
  const bars = buckets(series, MOST);
  const most = roundUp(Math.max(0, ...bars.map(heightOf)));
  const [at, setAt] = useState<number | null>(null);
  const shown = at === null ? undefined : bars[at];
  return (
    <Panel label="Throughput">
      <header className={css.head}>
        <h2 className={css.title}>{perWords(bars[0])}</h2>
        <p className={css.told} aria-hidden>
          {shown ? `${clock(shown.from)} · ${barWords(shown)}` : label}
        </p>
        <ul className={css.legend} aria-hidden>
          {KINDS.map((kind) => (
            <li key={kind.name} data-kind={kind.name}>
              {kind.label}
            </li>
          ))}
        </ul>
      </header>
      <div className={css.chart}>
        <div className={css.scale} aria-hidden>
          {[1, 0.5, 0].map((part) => (
            <span key={part} style={{ bottom: `${part * 100}%` }}>
              {(most * part).toLocaleString('en')}
            </span>
          ))}
        </div>
        <Bars bars={bars} most={most} at={at} onAt={setAt} />
        <Times bars={bars} />
      </div>
    </Panel>
  );
}

interface BarsProps {
  bars: Bucket[];
  most: number;
  at: number | null;
  onAt: (at: number | null) => void;
}

function Bars({ bars, most, at, onAt }: BarsProps) {
  const [, navigate] = useLocation();
  const list = useRef<HTMLUListElement>(null);
  // One stop of the Tab key for the whole chart; arrows go along it.
  const stop = at ?? bars.length - 1;
  const walk = (event: KeyboardEvent) => {
    const step = STEPS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(bars.length - 1, stop + step));
    list.current?.querySelectorAll('a')[next]?.focus();
  };
  const follow = (event: MouseEvent<HTMLElement>) => {
    const link = (event.target as HTMLElement).closest('a');
    if (!link || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    navigate(link.getAttribute('href') ?? '');
  };
  return (
    <ul
      ref={list}
      className={css.bars}
      aria-label="Runs over time"
      onKeyDown={walk}
      onClick={follow}
      onPointerLeave={() => onAt(null)}
    >
      {bars.map((bar, index) => (
        <li key={bar.from}>
          {/* biome-ignore lint/a11y/useAnchorContent: its label is its content; what is seen is a bar */}
          <a
            href={`/runs?since=${bar.from}&until=${bar.until}`}
            tabIndex={index === stop ? 0 : -1}
            aria-label={`${clock(bar.from)}: ${barWords(bar)}`}
            data-on={index === at || undefined}
            onPointerEnter={() => onAt(index)}
            onFocus={() => onAt(index)}
            onBlur={() => onAt(null)}
          >
            <svg viewBox="0 0 1 100" preserveAspectRatio="none" aria-hidden="true" focusable="false">
              <Stack bar={bar} most={most} />
            </svg>
          </a>
        </li>
      ))}
    </ul>
  );
}

/** Failed at the bottom, where even a few are seen beside many. */
function Stack({ bar, most }: { bar: Bucket; most: number }) {
  let bottom = 100;
  return KINDS.map(({ name }) => {
    const height = (100 * bar[name]) / most;
    bottom -= height;
    return height > 0 ? <rect key={name} data-kind={name} x="0" width="1" y={bottom} height={height} /> : null;
  });
}

/** The times below the bars: few enough that they don't touch. */
function Times({ bars }: { bars: Bucket[] }) {
  const step = Math.max(1, Math.ceil(bars.length / 6));
  const shown = bars
    .map((bar, index) => ({ bar, index }))
    .filter(({ index }) => (bars.length - 1 - index) % step === 0);
  return (
    <div className={css.times} aria-hidden>
      {shown.map(({ bar, index }) => (
        <span key={bar.from} style={{ insetInlineStart: `${((index + 0.5) / bars.length) * 100}%` }}>
          {clock(bar.from)}
        </span>
      ))}
    </div>
  );
}

const heightOf = (bar: Bucket): number => bar.completed + bar.failed + bar.filtered;

const time = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const clock = (iso: string): string => time.format(new Date(iso));

function barWords(bar: Bucket): string {
  return `${bar.completed} completed, ${bar.failed} failed, ${bar.filtered} filtered out, of ${count(bar.events, 'event')}`;
}

function perWords(bar: Bucket | undefined): string {
  const minutes = bar ? Math.round((Date.parse(bar.until) - Date.parse(bar.from)) / 60_000) : 1;
  return minutes === 1 ? 'Runs a minute' : `Runs in ${minutes} minutes`;
}
