// A run as rows: each step with its number and sentence at the left, and its time on a common scale at the right.
import { IconArrowBackUp, IconPlayerSkipForward } from '@tabler/icons-react';
import { type KeyboardEvent, useMemo, useState } from 'react';
import type { Run, RunStep } from '@/api/types';
import { actionIcon, branchIcon, conditionsIcon, type Icon, triggerIcon } from '@/flow/icons';
import { STEP_ICONS, STEP_TONES, type Tone } from '@/parts/status';
import { wholeTime } from '@/parts/time';
import { humanise, STEP_WORDS } from '@/parts/words';
import { AxisLabels, GridLines } from './Axis';
import { past, resultOf, retriesOf } from './bars';
import { Crosshair } from './Crosshair';
import { errorWords } from './errors';
import { rowsOf, type StepRow, spanOf, type TurnRow, timelineScale } from './rows';
import type { Scale } from './scale';
import type { Pick } from './selection';
import { Track } from './Track';
import { lasted, millis } from './time';
import css from './timeline.module.css';
import { turnWords } from './turns';
import { useClock } from './useClock';

export interface TimelineProps {
  run: Run;
  selected: Pick | null;
  /** Lit from elsewhere. */
  lit: Pick | null;
  onSelect: (pick: Pick) => void;
  onHover: (pick: Pick | null) => void;
  /** What a step is called, by its path. */
  titles: (path: string) => string;
}

export function Timeline({ run, selected, lit, onSelect, onHover, titles }: TimelineProps) {
  const goesOn = run.status === 'running' || run.status === 'waiting';
  const now = useClock(goesOn);
  const [wanted, setWanted] = useState<'true' | 'short' | null>(null);
  const rows = useMemo(() => rowsOf(run, now), [run, now]);
  const { scale, shortened, choice } = useMemo(
    () => timelineScale(rows, spanOf(run, rows, now), wanted),
    [run, rows, now, wanted],
  );
  const shared = { scale, selected, lit, onSelect, onHover };
  // What was filtered out took no time, and reached nothing.
  const begun = run.status !== 'skipped' && run.status !== 'suppressed';
  const numbers = new Map(run.steps.map((step, index) => [step.position, index + 1]));
  return (
    <div className={css.box}>
      <div className={css.timeline} data-testid="timeline">
        <div className={css.head}>
          <div className={css.begin}>
            <time dateTime={run.started_at} title={wholeTime(run.started_at)}>
              {clock(run.started_at)}
            </time>
            {choice && (
              <button
                type="button"
                className={css.choice}
                aria-pressed={shortened}
                title={
                  shortened ? 'Draw waits as long as they were' : 'Draw long waits shorter, so that the work shows'
                }
                onClick={() => setWanted(shortened ? 'true' : 'short')}
              >
                {shortened ? 'Waits shortened' : 'True to time'}
              </button>
            )}
          </div>
          {begun && <AxisLabels scale={scale} />}
        </div>
        <ol className={css.rows} aria-label="Steps" onPointerLeave={() => onHover(null)}>
          <li className={css.overlay} aria-hidden>
            <GridLines scale={scale} now={goesOn ? now : null} />
            <Crosshair scale={scale} />
          </li>
          <PointRow {...shared} pick="trigger" {...triggerPoint(run)} />
          {run.conditions && <PointRow {...shared} pick="conditions" {...conditionsPoint(run)} />}
          {rows.map((row) =>
            row.kind === 'turn' ? (
              <Turn key={`turn${row.generation}`} row={row} />
            ) : (
              <Step
                key={row.step.position}
                {...shared}
                row={row}
                number={numbers.get(row.step.position) ?? 0}
                title={titles(row.step.step_id)}
              />
            ),
          )}
          {begun &&
            run.not_reached.map((one) => (
              <Missed key={one.step} {...shared} path={one.step} why={one.why} title={titles(one.step)} />
            ))}
        </ol>
      </div>
    </div>
  );
}

interface Shared {
  scale: Scale;
  selected: Pick | null;
  lit: Pick | null;
  onSelect: (pick: Pick) => void;
  onHover: (pick: Pick | null) => void;
}

/** What makes a row a thing to point at, to select, and to walk over with the arrow keys. */
function rowProps({ selected, lit, onSelect, onHover }: Shared, pick: Pick) {
  return {
    type: 'button' as const,
    className: css.row,
    'data-row': pick,
    'data-lit': lit === pick || undefined,
    'aria-pressed': selected === pick,
    onClick: () => onSelect(pick),
    onPointerEnter: () => onHover(pick),
    onFocus: () => onHover(pick),
    onBlur: () => onHover(null),
    onKeyDown: walk,
  };
}

function walk(event: KeyboardEvent<HTMLButtonElement>): void {
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
  const rows = [...(event.currentTarget.closest('ol')?.querySelectorAll<HTMLElement>('[data-row]') ?? [])];
  const next = rows[rows.indexOf(event.currentTarget) + (event.key === 'ArrowDown' ? 1 : -1)];
  event.preventDefault();
  next?.focus();
}

function Step({
  row: { step, bars },
  number,
  title,
  ...shared
}: Shared & { row: StepRow; number: number; title: string }) {
  const retries = retriesOf(step);
  const StatusIcon = STEP_ICONS[step.status];
  const ActionIcon = step.action === 'condition' ? branchIcon : actionIcon(step.action);
  const error = step.status === 'failed' || (step.status === 'waiting' && retries > 0) ? lastError(step) : '';
  const length = lengthWords(step, bars);
  return (
    <li>
      <button {...rowProps(shared, String(step.position))}>
        <span className={css.number}>{number}</span>
        <Tile icon={ActionIcon} tone={toneOf(step)} />
        <span className={css.words}>
          <span className={css.title}>
            <span className={css.called}>{title}</span>
            <span className={css.state} data-tone={STEP_TONES[step.status]}>
              <StatusIcon size={12} stroke={2.6} aria-hidden />
              <span className={css.hidden}>{STEP_WORDS[step.status]}</span>
            </span>
            {step.attempts > 1 && <span className={css.count}>{step.attempts} attempts</span>}
          </span>
          <span className={css.sentence} data-bad={error ? true : undefined}>
            {error || step.sentence}
          </span>
        </span>
        <span className={css.hidden}>{length}</span>
        <Track step={step} bars={bars} scale={shared.scale} label={length} />
      </button>
    </li>
  );
}

function toneOf(step: RunStep): Tone {
  const result = resultOf(step);
  return result === null ? STEP_TONES[step.status] : result ? 'ok' : 'mute';
}

function lastError(step: RunStep): string {
  return errorWords(step.error ?? step.tries.findLast((one) => one.error)?.error);
}

function lengthWords(step: RunStep, bars: StepRow['bars']): string {
  const result = resultOf(step);
  if (result !== null) return result ? 'Yes' : 'No';
  const length = lasted((past(bars).at(-1)?.to ?? 0) - (bars[0]?.from ?? 0));
  if (step.status === 'waiting')
    return step.action === 'delay' ? `waits for ${length}` : `${length}, waits to try again`;
  return step.status === 'running' ? `${length} …` : length;
}

interface Point {
  icon: Icon;
  tone: Tone;
  title: string;
  words: string;
  said: string;
}

function triggerPoint(run: Run): Point {
  const type = run.trigger_type ?? '';
  const id = run.trigger_event.id;
  return {
    icon: triggerIcon(type),
    tone: 'busy',
    title: humanise(type),
    words: typeof id === 'string' ? `Event ${id}` : 'The event',
    said: '',
  };
}

function conditionsPoint(run: Run): Point {
  const held = run.conditions?.result === true;
  return {
    icon: conditionsIcon,
    tone: held ? 'ok' : 'mute',
    title: 'Conditions',
    words: held ? 'All that was asked for held' : 'They did not hold: the event was filtered out',
    said: held ? 'Yes' : 'No',
  };
}

/** A row for what took no time. */
function PointRow({ pick, icon, tone, title, words, said, ...shared }: Shared & Point & { pick: Pick }) {
  return (
    <li>
      <button {...rowProps(shared, pick)}>
        <span className={css.number} />
        <Tile icon={icon} tone={tone} />
        <span className={css.words}>
          <span className={css.title}>{title}</span>
          <span className={css.sentence}>{words}</span>
        </span>
        <span className={css.track} aria-hidden>
          <span className={css.gate} data-tone={tone} style={{ insetInlineStart: 0 }} />
          <span className={css.length} style={{ insetInlineStart: 0 }}>
            {said}
          </span>
        </span>
      </button>
    </li>
  );
}

function Tile({ icon: Mark, tone }: { icon: Icon; tone: Tone }) {
  return (
    <span className={css.tile} data-tone={tone}>
      <Mark size={15} stroke={1.9} aria-hidden />
    </span>
  );
}

/** Where a generation begins. */
function Turn({ row }: { row: TurnRow }) {
  const Mark = row.entry?.type === 'run.restarted' ? IconArrowBackUp : IconPlayerSkipForward;
  return (
    <li className={css.turn}>
      <Mark size={14} aria-hidden />
      <span>{turnWords(row)}</span>
      {row.entry && (
        <time dateTime={row.entry.at} title={wholeTime(row.entry.at)}>
          {clock(row.entry.at)}
        </time>
      )}
    </li>
  );
}

function Missed({ path, why, title, ...shared }: Shared & { path: string; why: string; title: string }) {
  return (
    <li>
      <button {...rowProps(shared, path)} data-missed>
        <span className={css.number}>–</span>
        <span className={css.words}>
          <span className={css.title}>{title}</span>
          <span className={css.sentence}>Not reached: {why}</span>
        </span>
      </button>
    </li>
  );
}

const time = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});

function clock(iso: string): string {
  return Number.isNaN(millis(iso)) ? iso : time.format(new Date(iso));
}
