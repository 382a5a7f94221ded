// What the HTTP API answers: the web app's side of hub/documents. Times are RFC 3339 text in UTC.

export type State = 'draft' | 'shadow' | 'enabled' | 'disabled';
export type RunStatus = 'running' | 'waiting' | 'completed' | 'failed' | 'cancelled' | 'skipped' | 'suppressed';
export type StepStatus = 'running' | 'waiting' | 'succeeded' | 'failed' | 'skipped' | 'cancelled';
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Row = Record<string, Json>;

export interface Page<T> {
  items: T[];
  next: string | null;
}

export interface Fault {
  field: string; // steps[1].with.title
  pointer: string; // /steps/1/with/title
  reason: string;
}

export interface ProblemDocument {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance: string;
  faults?: Fault[];
}

export type Permission =
  | 'hub.workflows.read'
  | 'hub.workflows.write'
  | 'hub.workflows.run'
  | 'hub.keys.manage'
  | 'hub.audit.read';

export interface Session {
  org: string;
  person: string;
  role: string | null;
  kind: 'token' | 'key' | 'development';
  permissions: Permission[];
  expires_at: string | null;
  now?: string; // what time it is for the Hub: after a demo, weeks ahead of the browser's clock
}

export interface SignInOptions {
  development: boolean;
  orgs: string[];
  roles: string[];
  sign_in_url: string | null;
}

// ---- definitions, as on the topic (DESIGN.md §5) ----

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

// ---- catalogue: what a designer offers ----

export interface FieldInfo {
  path: string; // alert.severity: what a condition's field and {{…}} take
  title: string; // Severity
  type: 'text' | 'number' | 'boolean' | 'time' | 'list' | 'object' | 'any';
  choices: string[] | null; // for an enumeration
  sample: Json;
  description: string | null;
}

export interface TriggerInfo {
  type: string; // alert.triggered
  title: string; // Alert triggered
  description: string; // A monitoring alert fires
  source: string; // Security / RMM
  entity: string; // alert
  fields: FieldInfo[]; // the event's data, then event.*, workflow.*, run.*, org
  sample: Row; // a whole sample CloudEvent
}

export interface ActionInfo {
  action: string; // create_ticket
  title: string; // Create ticket
  description: string;
  schema: Row; // JSON Schema of `with`, titles and descriptions for people; x-onestack-widget where a form needs a hint
  output: FieldInfo[]; // paths below steps.<id>
  topic: string;
}

export interface OperatorInfo {
  op: string; // greater_than
  title: string; // is greater than
  types: FieldInfo['type'][]; // for which it makes sense
  value: 'one' | 'list' | 'none';
}

export interface FilterInfo {
  name: string;
  description: string;
  example: string;
}

export interface Catalogue {
  triggers: TriggerInfo[];
  actions: ActionInfo[];
  operators: OperatorInfo[];
  filters: FilterInfo[];
  definition_schema: Row;
}

// ---- workflows ----

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

// ---- simulate ----

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

// ---- templates ----

export interface TemplateParameter {
  name: string;
  label: string;
  description: string;
  type: 'text' | 'email' | 'number' | 'duration' | 'choice' | 'list' | 'board' | 'team' | 'secret';
  default: Json;
  choices: string[];
  least: number | null;
  required: boolean;
}
export interface Template {
  name: string;
  title: string;
  summary: string;
  description: string;
  category: string;
  trigger: string;
  parameters: TemplateParameter[];
  definition: Definition; // filled in with the defaults, placeholders `<<name>>` where there is none: to be drawn
}

// ---- runs ----

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

// ---- server-sent events ----

export interface RunSignal {
  run_id: string;
  workflow_id: string;
  status: RunStatus;
  entity_key: string;
  type: string; // of the last entry
}

// ---- access ----

export interface ApiKey {
  id: string;
  name: string;
  prefix: string; // tos_abcd: what may be shown
  role: string | null;
  permissions: Permission[];
  created_at: string;
  created_by: string;
  expires_at: string | null;
  last_used_at: string | null;
  revoked_at: string | null;
  revoked_by: string | null;
}
export interface NewApiKey extends ApiKey {
  key: string; // whole, this once
}
export interface AuditRecord {
  id: string;
  at: string;
  who: string;
  kind: Session['kind'];
  role: string | null;
  action: string; // workflow.enable
  target: string; // workflow/alert-to-ticket
  outcome: 'begun' | 'done' | 'refused' | 'failed'; // begun: the Hub was stopped before it could tell
  problem: string | null; // why it was refused or failed
  details: Row;
  finished_at: string | null;
}

// ---- other answers ----

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
export interface Place {
  topic: string;
  partition: number;
  offset: number;
}
export interface Imported {
  id: string;
  result: 'created' | 'updated' | 'unchanged' | 'refused';
  version: number | null;
  faults: Fault[];
}
