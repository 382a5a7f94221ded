// What a step is called: its own name, or what it does.
import type { Catalogue, Definition, Run, Step } from '@/api/types';
import { everyStep } from '@/designer/model/tree';
import { actionTitle, stepTitle } from '@/flow/sentences';

/** The title of the step with this path; without a definition by what the run knows of it. */
export function titleOf(path: string, run: Pick<Run, 'steps' | 'definition'>, catalogue: Catalogue | null): string {
  const defined = run.definition ? definedAt(run.definition, path) : undefined;
  if (defined) return stepTitle(defined, catalogue);
  const step = run.steps.find((one) => one.step_id === path);
  if (step?.name) return step.name;
  if (!step) return path.split('.').at(-1) ?? path;
  return step.action === 'condition' ? 'Condition' : actionTitle(step.action, catalogue);
}

function definedAt(definition: Definition, path: string): Step | undefined {
  return everyStep(definition.steps).find((one) => one.path === path)?.step;
}
