// One row's stretches on the scale.
import type { CSSProperties } from 'react';
import type { RunStep } from '@/api/types';
import { type Bar, resultOf } from './bars';
import { errorWords } from './errors';
import type { Scale } from './scale';
import { lasted } from './time';
import css from './timeline.module.css';

/** What a stretch looks like: its kind, and for work how it came out. */
function toneOf(bar: Bar, step: RunStep): string {
  if (bar.kind !== 'work') return bar.kind;
  if (bar.open) return 'busy';
  if (bar.error) return 'bad';
  if (step.status === 'failed') return 'bad';
  return step.status === 'succeeded' ? 'ok' : 'mute';
}

function titleOf(bar: Bar, step: RunStep): string {
  const length = lasted(bar.to - bar.from);
  if (bar.kind === 'delay') return bar.open ? `Waits for ${length} already` : `Waited ${length}`;
  if (bar.kind === 'ahead') return `Goes on in ${length}`;
  if (bar.kind === 'retry') return `Pause of ${length} before the next attempt`;
  const which = step.tries.length > 1 ? `Attempt ${bar.attempt}: ` : '';
  const error = bar.error ? `, ${errorWords(bar.error)}` : '';
  return `${which}${length}${error}`;
}

export function Track({ step, bars, scale, label }: { step: RunStep; bars: Bar[]; scale: Scale; label: string }) {
  const from = scale.x(bars[0]?.from ?? scale.from);
  const to = scale.x(bars.at(-1)?.to ?? scale.from);
  const gate = step.action === 'condition';
  return (
    <span className={css.track} aria-hidden>
      {gate ? (
        <span className={css.gate} data-tone={gateTone(step)} style={{ insetInlineStart: `${from * 100}%` }} />
      ) : (
        bars.map((bar) => <Stretch key={`${bar.kind}${bar.from}`} bar={bar} step={step} scale={scale} />)
      )}
      <span className={css.length} style={beside(from, to)}>
        {label}
      </span>
    </span>
  );
}

function Stretch({ bar, step, scale }: { bar: Bar; step: RunStep; scale: Scale }) {
  const left = scale.x(bar.from);
  const style: CSSProperties = {
    insetInlineStart: `${left * 100}%`,
    width: `${Math.max(0, scale.x(bar.to) - left) * 100}%`,
  };
  return (
    <span
      className={css.bar}
      data-tone={toneOf(bar, step)}
      data-open={bar.open || undefined}
      style={style}
      title={titleOf(bar, step)}
    />
  );
}

/** The label stands under the bar's beginning, or ends under its end where it would leave the track. */
function beside(from: number, to: number): CSSProperties {
  return from > 0.55 ? { insetInlineEnd: `${Math.max(0, 1 - to) * 100}%` } : { insetInlineStart: `${from * 100}%` };
}

const gateTone = (step: RunStep): string => (resultOf(step) ? 'ok' : 'mute');
