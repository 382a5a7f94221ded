// The flowchart of the version that ran, with the way that the run took.
import { useMemo } from 'react';
import type { Catalogue, Run, RunStep } from '@/api/types';
import { Flow, flowStatus, type StepOutcome } from '@/flow';
import { resultOf } from '@/timeline/bars';
import { lasted } from '@/timeline/time';
import css from './RunPage.module.css';

interface RunFlowProps {
  run: Run;
  catalogue: Catalogue | null;
  selected: string | null;
  lit: string | null;
  onSelect: (key: string | null) => void;
  onHover: (key: string | null) => void;
}

export function RunFlow({ run, catalogue, selected, lit, onSelect, onHover }: RunFlowProps) {
  const { definition } = run;
  const status = useMemo(() => {
    if (!definition) return null;
    const steps = lastOfEach(run.steps).map(outcomeOf);
    const conditions = run.conditions ? run.conditions.result === true : null;
    return flowStatus(definition, { status: run.status, conditions, steps });
  }, [run, definition]);
  if (!definition)
    return (
      <p className={css.noFlow}>The definition of this version is no longer known, so there is nothing to draw.</p>
    );
  return (
    <Flow
      definition={definition}
      catalogue={catalogue}
      status={status}
      selected={selected}
      highlight={lit}
      onSelect={onSelect}
      onHover={onHover}
      mode="read"
      label={`The way that the run took through ${run.workflow_name ?? run.workflow_id}, version ${run.workflow_version}`}
    />
  );
}

/** Of steps that were done again in a later generation, the last time. */
function lastOfEach(steps: RunStep[]): RunStep[] {
  return [...new Map(steps.map((step) => [step.step_id, step])).values()];
}

function outcomeOf(step: RunStep): StepOutcome {
  const attempts = step.attempts > 1 ? `${step.attempts} attempts` : '';
  const took = step.action !== 'condition' && step.duration_ms !== null ? lasted(step.duration_ms) : '';
  const note = [took, attempts].filter(Boolean).join(' · ');
  return { path: step.step_id, status: step.status, result: resultOf(step), ...(note && { note }) };
}
