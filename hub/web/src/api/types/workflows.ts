// Workflows, their versions, and how they lead to one another.

import type { Fault, Json, Page, RunStatus, State } from './common';
import type { Definition } from './definitions';

export interface RecentRun {
  run_id: string;
  status: RunStatus;
  started_at: string;
}

export interface DayCounts {
  day: string; // 2026-11-27
  completed: number;
  failed: number;
  filtered: number; // skipped and suppressed
  other: number; // running, waiting, cancelled
}

export interface WorkflowSummary {
  id: string;
  name: string;
  description: string | null;
  version: number;
  state: State;
  trigger_type: string | null;
  conditions: string | null; // one plain sentence: severity is critical or high
  actions: string[]; // in order of their steps
  updated_at: string;
  recent: RecentRun[]; // the last 20, newest first; skipped and suppressed left out
  days: DayCounts[]; // the last 7, oldest first
  success_rate: number | null; // of those that completed or failed in these days: 0 to 1
}

export interface WorkflowList extends Page<WorkflowSummary> {
  counts: Record<State, number>; // of all that fit the search, whatever the state filter
  age_ms: number; // of the figures about runs
}

export interface CycleLink {
  workflow: string;
  name: string;
  state: State;
  step: string;
  causes: string;
  type: string;
}

export interface Cycle {
  workflows: string[];
  words: string; // A loop: …
  links: CycleLink[];
}

export interface Workflow {
  id: string;
  version: number;
  state: State;
  updated_at: string;
  definition: Definition;
  yaml: string;
  warnings: Fault[];
  cycles: Cycle[];
}

export interface Validation {
  valid: boolean; // as the state in the definition asks for
  ready: boolean; // whether it could be enabled as it is
  faults: Fault[]; // that keep it from its state; for a draft: from being saved
  missing: Fault[]; // that keep a draft from being enabled
  warnings: Fault[];
  cycles: Cycle[];
  definition: Definition | null; // as read: of YAML the parsed document
  yaml: string | null;
  sentences: Record<string, string>; // by step path (and 'trigger', 'conditions'): the card as a sentence
}

export interface Version {
  version: number;
  digest: string;
  state: State;
  published_at: string;
  by: string | null; // from the audit log, where the Hub published it
}

export interface Change {
  kind: 'added' | 'removed' | 'changed' | 'moved';
  path: string; // steps[ticket].with.title
  before: Json;
  after: Json;
  words: string;
}

export interface Diff {
  from: number;
  to: number;
  changes: Change[];
}

export interface Imported {
  id: string;
  result: 'created' | 'updated' | 'unchanged' | 'refused';
  version: number | null;
  faults: Fault[];
}
