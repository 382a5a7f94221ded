// Runs, why they are and are not, and the events behind them.

import type { Json, Row, RunStatus, StepStatus } from './common';
import type { Definition } from './definitions';
import type { ConditionTrace } from './trying';

export interface RunBrief {
  run_id: string;
  workflow_id: string;
  workflow_name: string | null;
  workflow_version: number | null;
  status: RunStatus;
  trigger_type: string | null;
  entity_key: string; // acme/device/d-17
  entity_name: string | null; // SRV-01, from the trigger event where that is cheap, else null
  started_at: string;
  finished_at: string | null;
  duration_ms: number | null;
  error: string | null;
  reason: string | null; // of a skipped or suppressed run: why, in a sentence
  causation_chain: string[];
}

export interface Attempt {
  attempt: number;
  at: string;
  finished_at: string | null;
  error: Row | null;
  next_at: string | null;
}

export interface RunStep {
  position: number;
  step_id: string; // its path
  action: string; // or condition
  name: string | null;
  sentence: string; // Create ticket “Disk full” on board Alerts
  status: StepStatus;
  attempts: number;
  tries: Attempt[];
  input: Json;
  output: Json;
  error: Row | null;
  started_at: string;
  finished_at: string | null;
  duration_ms: number | null;
  generation: number;
  waits_until: string | null;
}

export interface RunEntry {
  seq: number;
  type: string;
  at: string;
  data: Row;
}

export interface Related {
  run_id: string | null;
  workflow_id: string;
  workflow_name: string | null;
  status: RunStatus | null;
  how: 'caused this' | 'caused by this' | 'reran this' | 'rerun of';
}

export interface Run extends RunBrief {
  org_id: string;
  generation: number;
  shadow: boolean;
  guard: string | null;
  rerun_of: string | null;
  waits_until: string | null;
  trigger_event: Row;
  conditions: ConditionTrace | null;
  definition: Definition | null; // of the version that ran
  steps: RunStep[];
  entries: RunEntry[];
  story: string[]; // in sentences
  related: Related[];
  not_reached: { step: string; why: string }[];
}

export interface Steered {
  run_id: string;
  action: 'cancel' | 'resume' | 'rerun';
  result: 'cancelled' | 'resumed' | 'started' | 'ended' | 'refused' | 'planned' | null;
  status: RunStatus | null;
  reason: string | null;
  does: string | null; // of a dry run: what would be done
  warning: string | null;
  new_run_id: string | null;
}

export interface WhyVerdict {
  workflow: string;
  name: string;
  verdict: 'ran' | 'condition' | 'guard' | 'other trigger' | 'state' | 'published later' | 'deleted' | 'no run';
  reason: string;
  version: number | null;
  run_id: string | null;
  status: RunStatus | null;
  conditions: ConditionTrace | null;
  failing: ConditionTrace[];
  note: string | null;
}

export interface Why {
  event: EventBrief | null;
  workflows: WhyVerdict[];
  also: { run_id: string; workflow: string; status: RunStatus; what: string }[];
  dead_letters: DeadLetter[];
}

export interface EventBrief {
  id: string;
  source: string;
  type: string;
  subject: string;
  time: string;
  received_at: string;
  org_id: string;
  title: string | null; // the entity's name or title
}

export interface DeadLetter {
  id: string;
  reason: string;
  field: string | null;
  topic: string;
  partition: number;
  offset: number;
  key: string | null;
  value: string | null;
  at: string;
}

export interface RunSignal {
  run_id: string;
  workflow_id: string;
  status: RunStatus;
  entity_key: string;
  type: string; // of the last entry
}

export interface Outcomes {
  outcomes: Record<string, string>; // by run id: the ways taken and what was done: ticket T-20817 · email to jo@acme.example
}

export interface RunCounts {
  counts: Partial<Record<RunStatus, number>>;
  capped: boolean; // counting stopped at a limit: more than that
}

export interface WhyEntity {
  entity: string;
  items: Why[];
}

export interface EventDetail extends EventBrief {
  envelope: Row; // the CloudEvent as it was sent
}
