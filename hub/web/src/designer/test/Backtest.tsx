// What the definition would have done with the events of the last days, against the version in force. Loaded late.
import { Button } from '@mantine/core';
import { useEffect, useMemo, useState } from 'react';
import { cache } from '@/api/cache';
import { isProblem } from '@/api/client';
import { queries } from '@/api/queries';
import type { BacktestReport, Definition } from '@/api/types';
import { backtest } from '@/api/writes';
import { actionTitle } from '@/flow/sentences';
import { RelativeTime } from '@/parts/RelativeTime';
import { count } from '@/parts/words';
import { toastError } from '@/shell/Toasts';
import { useDesigner } from '../context';
import { Choices } from '../form/controls';
import { isUnsaved } from '../state';
import css from './backtest.module.css';
import { DayChart } from './DayChart';
import { barsOf, type Difference, differencesOf, partsOf, samplesOf } from './past';
import test from './test.module.css';

const SPANS = [7, 30, 90];

export default function Backtest({ definition }: { definition: Definition }) {
  const [days, setDays] = useState(30);
  const { report, trouble, busy, again } = useBacktest(definition, days);
  return (
    <>
      <div className={css.head}>
        <Choices
          ids={{ id: 'backtest-days', describedBy: '', invalid: false }}
          label="Of the last"
          choices={SPANS.map((one) => ({ value: String(one), label: `${one} days` }))}
          value={String(days)}
          onChange={(next) => next && setDays(Number(next))}
        />
        <Button size="xs" variant="default" loading={busy} onClick={again}>
          Again
        </Button>
      </div>
      {trouble && (
        <div className={test.refused} role="status">
          {trouble}
        </div>
      )}
      {!report && !trouble && <p className={test.soft}>Trying it on the events of {days} days …</p>}
      {report && !trouble && <Report report={report} days={days} />}
    </>
  );
}

/** It is a look at thousands of events: asked when the tab is opened or the span is changed, not at every letter. */
function useBacktest(definition: Definition, days: number) {
  const [report, setReport] = useState<BacktestReport | null>(null);
  const [trouble, setTrouble] = useState<string | null>(null);
  const [busy, setBusy] = useState(true);
  const [asked, setAsked] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `asked` is the button that asks again
  useEffect(() => {
    const cancelled = new AbortController();
    setBusy(true);
    backtest({ definition: { ...definition, state: 'draft' }, days }, cancelled.signal)
      .then((made) => {
        setReport(made);
        setTrouble(null);
      })
      .catch((error: unknown) => {
        if (cancelled.signal.aborted) return;
        const first = isProblem(error) ? error.faults[0] : undefined;
        setTrouble(first ? `${first.field} ${first.reason}` : error instanceof Error ? error.message : String(error));
      })
      .finally(() => {
        if (!cancelled.signal.aborted) setBusy(false);
      });
    return () => cancelled.abort();
  }, [definition, days, asked]);
  return { report, trouble, busy, again: () => setAsked((old) => old + 1) };
}

function Report({ report: given, days }: { report: BacktestReport; days: number }) {
  const { catalogue, state } = useDesigner();
  // What is in force is only another one where something was changed since.
  const report = useMemo(() => (isUnsaved(state) ? given : { ...given, differences: null }), [given, state]);
  const now = partsOf(report.totals.draft);
  const before = report.differences ? partsOf(report.totals.in_force) : null;
  const differences = differencesOf(report);
  if (report.events === 0) return <p className={test.soft}>No event of this trigger came in these {days} days.</p>;
  return (
    <>
      <dl className={css.figures}>
        <Figure title="Would run" number={now.runs} before={before?.runs} tone="ok" />
        <Figure title="Filtered out" number={now.filtered} before={before?.filtered} tone="mute" />
        <Figure title="Suppressed" number={now.suppressed} before={before?.suppressed} tone="wait" />
        <Figure title="Failed" number={now.failed} before={before?.failed} tone="bad" />
      </dl>
      <DayChart bars={barsOf(report, days, new Date())} />
      {report.totals.draft.actions.length > 0 && (
        <section className={test.part}>
          <h2>Would be done</h2>
          <ul className={css.actions}>
            {report.totals.draft.actions.map((one) => (
              <li key={one.step}>
                <span>
                  {actionTitle(one.action, catalogue)} <code>{one.step}</code>
                </span>
                <b>{one.times.toLocaleString('en')}</b>
              </li>
            ))}
          </ul>
        </section>
      )}
      {differences && (
        <section className={test.part}>
          <h2>Against the version in force</h2>
          <p className={test.soft}>{count(differences.same, 'run')} the same.</p>
          {differences.kinds.map((one) => (
            <Samples key={one.kind} title={`${count(one.runs, 'event')} ${one.title}`} samples={one.samples} open />
          ))}
        </section>
      )}
      {report.samples.length > 0 && (
        <section className={test.part}>
          <Samples title="Some of those that would run" samples={samplesOf(report)} />
        </section>
      )}
    </>
  );
}

interface FigureProps {
  title: string;
  number: number;
  before: number | undefined;
  tone: string;
}

function Figure({ title, number, before, tone }: FigureProps) {
  return (
    <div data-tone={tone}>
      <dt>{title}</dt>
      <dd>{number.toLocaleString('en')}</dd>
      {before !== undefined && before !== number && (
        <dd className={css.before}>in force {before.toLocaleString('en')}</dd>
      )}
    </div>
  );
}

function Samples({ title, samples, open }: { title: string; samples: Difference['samples']; open?: boolean }) {
  const { setEvent } = useDesigner();
  const take = async (one: Difference['samples'][number]) => {
    try {
      const found = await cache.fetchQuery(queries.event(one.id, one.source));
      setEvent({ envelope: found.envelope, name: `${one.subject} · ${one.time}`, id: one.id });
      document.querySelector<HTMLElement>('[role="tab"][aria-selected="false"]')?.click();
    } catch (error) {
      toastError(error, 'The event could not be read');
    }
  };
  return (
    <details className={css.samples} open={open}>
      <summary>{title}</summary>
      <ul>
        {samples.map((one) => (
          <li key={`${one.source}${one.id}`}>
            <span>
              <b>{one.subject}</b> <RelativeTime at={one.time} />
              <small>{one.told}</small>
            </span>
            <button type="button" className={test.quiet} onClick={() => void take(one)}>
              Try it
            </button>
          </li>
        ))}
      </ul>
    </details>
  );
}
