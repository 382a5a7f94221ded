// Definitions, as on the topic (DESIGN.md §5).

import type { Json, Row, State } from './common';

export interface Leaf {
  field: string;
  op: string;
  value?: Json;
  case_sensitive?: boolean;
}

export type Condition = Leaf | { all: Condition[] } | { any: Condition[] } | { not: Condition };

export interface Retry {
  max_retries?: number;
  initial_interval?: string;
  multiplier?: number;
  max_interval?: string;
}

export interface ActionStep {
  id: string;
  name?: string | null;
  action: string;
  with?: Row;
  on_error?: 'continue' | 'stop' | null;
  retry?: Retry | null;
}

export interface GateStep {
  id: string;
  name?: string | null;
  condition: Condition;
}

export interface BranchStep {
  id: string;
  name?: string | null;
  if: Condition;
  then?: Step[];
  else?: Step[];
}

export type Step = ActionStep | GateStep | BranchStep;

export interface EventMatch {
  type: string;
  where?: Condition | null;
}

export interface Definition {
  id: string;
  org?: string;
  version?: number;
  name: string;
  description?: string | null;
  state: State;
  trigger?: { type: string } | null;
  conditions?: Condition | null;
  steps: Step[];
  on_error?: 'continue' | 'stop';
  retry?: Retry | null;
  cancel_on?: EventMatch[];
  restart_on?: EventMatch[];
  throttle?: { key: string; limit: number; per: string } | null;
}
