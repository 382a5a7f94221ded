// What would happen: in sentences, the conditions with their values, and each action as it would be sent.
import { IconAlertTriangle } from '@tabler/icons-react';
import type { SimulatedStep, Simulation } from '@/api/types';
import { stepIcon } from '@/flow/icons';
import { stepTitle } from '@/flow/sentences';
import { ConditionTrace } from '@/parts/ConditionTrace';
import { JsonView } from '@/parts/JsonView';
import { StatusChip, StepChip } from '@/parts/status';
import { duration } from '@/parts/time';
import { useDesigner } from '../context';
import { atPath } from '../model/tree';
import test from './test.module.css';
import type { Trial } from './useTrial';

interface Props {
  trial: Trial;
  pointed: string | null;
  selected: string | null;
  onPoint: (key: string | null) => void;
  onSelect: (key: string | null) => void;
}

export function Outcome({ trial, ...linked }: Props) {
  const { definition } = useDesigner();
  const { simulation, refused, busy } = trial;
  if (!definition.trigger) return <p className={test.soft}>Choose a trigger first: it says what there is to try.</p>;
  if (refused) {
    return (
      <div className={test.refused} role="status">
        <b>It can’t be tried yet.</b>
        {refused.faults.length > 0 ? (
          <ul>
            {refused.faults.map((one) => (
              <li key={`${one.field}${one.reason}`}>
                {one.field} {one.reason}
              </li>
            ))}
          </ul>
        ) : (
          <p>{refused.detail}</p>
        )}
      </div>
    );
  }
  if (!simulation) return <p className={test.soft}>{busy ? 'Trying …' : ''}</p>;
  return (
    <div aria-busy={busy} data-busy={busy || undefined} className={test.outcome}>
      <Summary simulation={simulation} />
      {simulation.conditions && (
        <Part name="conditions" title="Only if" {...linked}>
          <ConditionTrace trace={simulation.conditions} />
        </Part>
      )}
      {simulation.steps.map((step) => (
        <StepOutcome key={`${step.position}`} step={step} simulation={simulation} {...linked} />
      ))}
      {simulation.not_reached.length > 0 && (
        <Section title="Not reached">
          <ul className={test.lines}>
            {simulation.not_reached.map((one) => (
              <li key={one.step}>
                <code>{one.step}</code> {one.why}
              </li>
            ))}
          </ul>
        </Section>
      )}
      {simulation.signals.length > 0 && (
        <Section title="Meanwhile">
          <ul className={test.lines}>
            {simulation.signals.map((one) => (
              <li key={one.event}>
                <code>{one.type}</code> {EFFECTS[one.effect] ?? one.effect}
              </li>
            ))}
          </ul>
        </Section>
      )}
    </div>
  );
}

const EFFECTS: Record<string, string> = { cancel: 'cancelled the run', restart: 'started it again' };

function Summary({ simulation }: { simulation: Simulation }) {
  const { status, lasted_ms: lasted, missing, reason } = simulation;
  return (
    <section className={test.summary} aria-label="What would happen">
      <div className={test.verdict} role="status">
        <StatusChip status={status} />
        {lasted > 0 && <span className={test.soft}>after {duration(lasted)}</span>}
        <span className={test.soft}>nothing was performed</span>
      </div>
      <ol className={test.story}>
        {simulation.story.map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ol>
      {reason && status === 'failed' && <p className={test.soft}>{reason}</p>}
      {missing.map((one) => (
        <p key={`${one.field}${one.path}`} className={test.missing}>
          <IconAlertTriangle size={14} aria-hidden />
          {one.path} is not in this event, so {one.field} has nothing there
        </p>
      ))}
    </section>
  );
}

function Section({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <div className={test.part}>
      <h2>{title}</h2>
      {children}
    </div>
  );
}

interface PartProps extends Omit<Props, 'trial'> {
  name: string;
  title: string;
  beside?: React.ReactNode;
  children: React.ReactNode;
}

/** A part of the outcome that belongs to a card: pointing at one lights the other. */
function Part({ name, title, beside, pointed, selected, onPoint, onSelect, children }: PartProps) {
  return (
    <div
      className={test.part}
      data-outcome={name}
      data-lit={pointed === name || selected === name || undefined}
      onPointerEnter={() => onPoint(name)}
      onPointerLeave={() => onPoint(null)}
    >
      <h2>
        <button type="button" onClick={() => onSelect(name)}>
          {title}
        </button>
        {beside}
      </h2>
      {children}
    </div>
  );
}

function StepOutcome({
  step,
  simulation,
  ...linked
}: { step: SimulatedStep; simulation: Simulation } & Omit<Props, 'trial'>) {
  const { definition, catalogue } = useDesigner();
  const known = atPath(definition, step.step)?.step;
  const Mark = known ? stepIcon(known) : null;
  const title = known ? stepTitle(known, catalogue) : step.step;
  const sent = simulation.requests[step.step];
  return (
    <Part
      name={step.step}
      title={title}
      beside={
        <>
          {Mark && <Mark size={15} stroke={1.8} aria-hidden />}
          <span className={test.right}>
            <StepChip status={step.status} />
          </span>
        </>
      }
      {...linked}
    >
      {step.conditions && <ConditionTrace trace={step.conditions} label={`Condition of ${title} (${step.step})`} />}
      {step.attempts.length > 1 && <p className={test.soft}>{step.attempts.length} attempts</p>}
      {step.error && <p className={test.error}>{String(step.error.message ?? JSON.stringify(step.error))}</p>}
      {step.waits.map((wait) => (
        <p key={String(wait.until)} className={test.soft}>
          {wait.reason === 'retry' ? 'Waited before trying again' : 'Waited'} {waited(wait.from, wait.until)}
        </p>
      ))}
      {sent && (
        <>
          <p className={test.call}>
            <b>{sent.method}</b> {sent.url}
          </p>
          {sent.body !== null && sent.body !== undefined && (
            <JsonView value={sent.body} label={`Body of ${title} (${step.step})`} />
          )}
        </>
      )}
    </Part>
  );
}

function waited(from: unknown, until: unknown): string {
  if (typeof from !== 'string' || typeof until !== 'string') return '';
  return duration(Date.parse(until) - Date.parse(from));
}
