// What is known of the selected row: the event, the conditions, or a step's input, output, attempts and errors.
import { IconExternalLink } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { Catalogue, Json, Run, RunStep, ConditionTrace as Trace } from '@/api/types';
import { ConditionTrace } from '@/parts/ConditionTrace';
import { RelativeTime } from '@/parts/RelativeTime';
import { StepChip } from '@/parts/status';
import { ValueView } from '@/parts/ValueView';
import { humanise } from '@/parts/words';
import { resultOf } from '@/timeline/bars';
import { Elapsed } from '@/timeline/Elapsed';
import type { Pick } from '@/timeline/selection';
import { Attempts, ErrorBox } from './Attempts';
import css from './Details.module.css';
import { titleOf } from './titles';
import { plainValue, sentence } from './words';

export function Details({ run, pick, catalogue }: { run: Run; pick: Pick; catalogue: Catalogue | null }) {
  if (pick === 'trigger') return <Trigger run={run} />;
  if (pick === 'conditions' && run.conditions) return <Conditions run={run} trace={run.conditions} />;
  const step = run.steps.find((one) => String(one.position) === pick);
  if (step) return <StepDetails run={run} step={step} title={titleOf(step.step_id, run, catalogue)} />;
  const missed = run.not_reached.find((one) => one.step === pick);
  return missed ? <Missed title={titleOf(missed.step, run, catalogue)} why={missed.why} /> : null;
}

function Box({ title, beside, children }: { title: string; beside?: ReactNode; children: ReactNode }) {
  return (
    <section className={css.box} aria-label={`Details: ${title}`} data-testid="details">
      <header className={css.head}>
        <h2 className={css.title}>{title}</h2>
        {beside}
      </header>
      <div className={css.body}>{children}</div>
    </section>
  );
}

function Trigger({ run }: { run: Run }) {
  const { data, ...envelope } = run.trigger_event;
  const id = text(envelope.id);
  const source = text(envelope.source);
  return (
    <Box
      title={humanise(run.trigger_type ?? 'Event')}
      beside={
        id && (
          <Link className={css.link} href={`/why?event=${encodeURIComponent(id)}&source=${encodeURIComponent(source)}`}>
            What else became of this event
            <IconExternalLink size={14} aria-hidden />
          </Link>
        )
      }
    >
      <div className={css.columns}>
        <ValueView title="Data of the event" value={data ?? null} />
        <ValueView title="Envelope" value={envelope} />
      </div>
    </Box>
  );
}

function text(value: Json | undefined): string {
  return value === undefined || value === null ? '' : plainValue(value);
}

function Conditions({ run, trace }: { run: Run; trace: Trace }) {
  return (
    <Box title="Conditions">
      <p className={css.lead}>
        {trace.result ? 'They held, so the run began.' : sentence(run.reason ?? 'They did not hold, so no run began')}
      </p>
      <ConditionTrace trace={trace} label="Conditions of the workflow" />
    </Box>
  );
}

function StepDetails({ run, step, title }: { run: Run; step: RunStep; title: string }) {
  const gate = step.action === 'condition';
  return (
    <Box
      title={title}
      beside={
        <>
          <StepChip status={step.status} />
          <span className={css.facts}>
            {!gate && (
              <>
                <Elapsed since={step.started_at} ms={step.duration_ms} />
                {' · '}
              </>
            )}
            <RelativeTime at={step.started_at} />
            {' · '}
            <code>{step.step_id}</code>
          </span>
        </>
      }
    >
      <p className={css.lead}>{sentence(step.sentence)}</p>
      {step.waits_until && step.status === 'waiting' && (
        <p className={css.waits}>
          {step.action === 'delay' ? 'It goes on' : 'It is tried again'} <RelativeTime at={step.waits_until} />.
        </p>
      )}
      {step.error && step.tries.length < 2 && <ErrorBox error={step.error} />}
      {(step.tries.length > 1 || (step.tries[0]?.error && !step.error)) && <Attempts tries={step.tries} />}
      {gate ? <Decision step={step} /> : <Values run={run} step={step} />}
    </Box>
  );
}

function Decision({ step }: { step: RunStep }) {
  const result = resultOf(step);
  const trace = step.input as Trace | null;
  return (
    <>
      {result !== null && <p className={css.lead}>It was decided {result ? 'Yes' : 'No'}:</p>}
      {trace && <ConditionTrace trace={trace} label="The condition of the step" />}
    </>
  );
}

function Values({ run, step }: { run: Run; step: RunStep }) {
  return (
    <div className={css.columns}>
      <ValueView title={run.shadow ? 'What would have been sent' : 'Input'} value={step.input} />
      {step.output !== null && (
        <ValueView title={run.shadow ? 'What it might have answered' : 'Output'} value={step.output} />
      )}
    </div>
  );
}

function Missed({ title, why }: { title: string; why: string }) {
  return (
    <Box title={title}>
      <p className={css.lead}>Not reached: {sentence(why)}</p>
    </Box>
  );
}
