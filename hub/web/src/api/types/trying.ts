// What a workflow would do: simulations and backtests.

import type { Json, Row, RunStatus, State, StepStatus } from './common';
import type { Definition } from './definitions';

export interface ConditionTrace {
  result?: boolean;
  all?: ConditionTrace[];
  any?: ConditionTrace[];
  not?: ConditionTrace;
  field?: string;
  op?: string;
  value?: Json;
  actual?: Json;
  previous?: Json; // of changed: what it was before
  missing?: boolean;
  note?: string;
}

export interface SimulateRequest {
  definition?: Definition;
  workflow_id?: string;
  event: { type: string } | { id: string; source?: string } | { envelope: Row }; // sample of a type, a real one, or one given
  changes?: Record<string, Json>; // dotted paths of the event's data
  fail?: Record<string, { status?: number; timeout?: boolean; times?: number }>; // by step path
  signals?: { type: string; after: string }[];
  takes?: string;
  at?: string;
}

export interface SimulatedStep {
  step: string; // its path
  position: number;
  action: string; // or condition
  status: StepStatus;
  started: string;
  ended?: string | null;
  input?: Json;
  output?: Json;
  result?: boolean;
  conditions?: ConditionTrace | null;
  attempts: { at: string; error?: Row; next_at?: string }[];
  waits: Row[];
  error?: Row | null;
}

export interface Simulation {
  org: string;
  workflow: { id: string; name: string; version: number; state: State };
  event: Row;
  status: RunStatus;
  reason: string | null;
  started: string;
  ended: string;
  lasted_ms: number;
  conditions: ConditionTrace | null;
  steps: SimulatedStep[];
  not_reached: { step: string; why: string }[];
  missing: { field: string; path: string; [more: string]: Json }[];
  signals: { event: string; type: string; at: string; effect: string }[];
  throttle: Row | null;
  entries: Row[];
  story: string[]; // in sentences
  requests: Record<string, { method: string; url: string; body: Json }>; // by step path: what would be sent
}

export interface BacktestCounts {
  runs: number;
  skipped: number;
  loop: number;
  throttled: number;
  storm: number;
  completed: number;
  failed: number;
  cancelled: number;
}

export interface BacktestReport {
  workflow: string;
  events: number;
  first_event: string | null;
  last_event: string | null;
  totals: Record<'draft' | 'in_force', BacktestCounts & { actions: { step: string; action: string; times: number }[] }>;
  days: ({ day: string; events: number } & Record<'draft' | 'in_force', BacktestCounts>)[];
  samples: Row[];
  differences: Row | null;
}
