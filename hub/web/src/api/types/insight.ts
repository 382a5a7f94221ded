// How it goes: figures, and the health of rules.

export interface Insight {
  at: string;
  minutes: number;
  series: { at: string; events: number; started: number; completed: number; failed: number; filtered: number }[];
  running: number;
  waiting: number;
  dead_letters: number; // in that time
  failing: { workflow_id: string; name: string | null; failed: number; runs: number; last_error: string | null }[];
  storms: {
    workflow_id: string;
    name: string | null;
    guard: string;
    suppressed: number;
    last_at: string;
    reason: string;
  }[];
  lag: { group: string; topic: string; behind: number }[];
  projector: { behind: number; caught_up: boolean };
  steps: { action: string; succeeded: number; failed: number; p50_ms: number | null; p95_ms: number | null }[];
}

export interface HealthFinding {
  workflow_id: string;
  workflow_name: string | null;
  finding: string;
  severity: 'high' | 'medium' | 'low';
  sentence: string;
  details: Record<string, unknown>;
  run_ids: string[]; // a few that show it
  first_seen: string;
  last_seen: string;
}

export interface WorkflowHealth {
  checked_at: string | null; // nothing has been checked yet
  findings: HealthFinding[];
}
