// Every change that the web app makes. Each refreshes what it touched, so that the page shows what the Hub now says.
import { askAgain, cache } from './cache';
import { type Method, segment, send } from './client';
import type {
  ApiKey,
  BacktestReport,
  Definition,
  Imported,
  NewApiKey,
  Page,
  Place,
  RunStatus,
  Session,
  SimulateRequest,
  Simulation,
  Steered,
  Validation,
  Workflow,
} from './types';

function refresh(...nouns: string[]): void {
  for (const noun of nouns) askAgain({ queryKey: [noun] });
}

function keep(workflow: Workflow): Workflow {
  cache.setQueryData(['workflow', workflow.id], workflow);
  askAgain({ queryKey: ['workflow', workflow.id, 'versions'] });
  refresh('workflows');
  return workflow;
}

async function change(method: Method, path: string, body?: unknown, version?: number): Promise<Workflow> {
  return keep(await send<Workflow>(method, path, body, { version }));
}

/** A new workflow; without an id the Hub makes one from the name. */
export function createWorkflow(definition: Omit<Definition, 'id'> & { id?: string }): Promise<Workflow> {
  return change('POST', '/workflows', definition);
}

/** The next version of a workflow. 412 if somebody else saved since `version`. */
export function saveWorkflow(definition: Definition, version: number): Promise<Workflow> {
  return change('PUT', `/workflows/${segment(definition.id)}`, definition, version);
}

export type StateChange = 'enable' | 'disable' | 'shadow';

/** Faults are thrown as a Problem with status 422. */
export function changeState(
  id: string,
  to: StateChange,
  options: { cancel_running?: boolean } = {},
): Promise<Workflow> {
  return change('POST', `/workflows/${segment(id)}/${to}`, options);
}

export async function deleteWorkflow(id: string, version?: number): Promise<void> {
  await send<undefined>('DELETE', `/workflows/${segment(id)}`, undefined, { version });
  cache.removeQueries({ queryKey: ['workflow', id] });
  refresh('workflows');
}

export async function importWorkflows(text: string, options: { dryRun: boolean; state?: string }): Promise<Imported[]> {
  const json = text.trimStart().startsWith('{') || text.trimStart().startsWith('[');
  const { items } = await send<Page<Imported>>('POST', '/import', text, {
    contentType: json ? 'application/json' : 'application/yaml',
    query: { dry_run: options.dryRun, state: options.state },
  });
  if (!options.dryRun) refresh('workflows', 'workflow');
  return items;
}

/** What is wrong with a definition, and how it reads. Of text: YAML. */
export function validate(definition: Definition | string, signal?: AbortSignal): Promise<Validation> {
  return typeof definition === 'string'
    ? send('POST', '/validate', definition, { contentType: 'application/yaml', signal })
    : send('POST', '/validate', { definition }, { signal });
}

/** A sample of the catalogue belongs to no organisation: left out, it is taken to be one of the caller's. */
export function simulate(request: SimulateRequest, signal?: AbortSignal): Promise<Simulation> {
  const { event } = request;
  if (!('envelope' in event)) return send('POST', '/simulate', request, { signal });
  const { orgid: _orgid, ...envelope } = event.envelope;
  return send('POST', '/simulate', { ...request, event: { envelope } }, { signal });
}

export function backtest(
  request: { definition?: Definition; workflow_id?: string; days: number },
  signal?: AbortSignal,
): Promise<BacktestReport> {
  return send('POST', '/backtest', request, { signal });
}

export interface Filled {
  definition: Definition;
  warnings: { field: string; pointer: string; reason: string }[];
}
/** A template's definition with its blanks filled in: not saved yet. */
export function fillTemplate(
  name: string,
  request: { values: Record<string, unknown>; id?: string; name?: string },
): Promise<Filled> {
  return send('POST', `/templates/${segment(name)}/fill`, request);
}

export type Steering =
  | { action: 'cancel'; reason?: string; dry_run?: boolean }
  | { action: 'resume'; reason?: string; step?: string; version?: 'same' | 'current'; dry_run?: boolean }
  | { action: 'rerun'; reason?: string; version?: 'same' | 'current'; dry_run?: boolean };

export async function steerRun(runId: string, { action, ...body }: Steering): Promise<Steered> {
  const steered = await send<Steered>('POST', `/runs/${segment(runId)}/${action}`, body);
  if (!('dry_run' in body && body.dry_run)) {
    askAgain({ queryKey: ['run', runId] });
    refresh('runs', 'run-counts', 'workflows');
  }
  return steered;
}

export interface SteerMany {
  action: 'cancel' | 'resume' | 'rerun';
  filter?: {
    workflow?: string;
    status: RunStatus[];
    entity?: string;
    trigger?: string;
    since?: string;
    until?: string;
    error?: string;
  };
  ids?: string[];
  version?: 'same' | 'current';
  reason?: string;
  dry_run: boolean;
}
export async function steerRuns(request: SteerMany): Promise<Steered[]> {
  const { items } = await send<{ items: Steered[] }>('POST', '/runs/steer', request);
  if (!request.dry_run) refresh('runs', 'run-counts', 'run', 'workflows');
  return items;
}

/** Sends a dead letter's record again, or a corrected one. */
export async function redrive(id: string, value?: string): Promise<Place> {
  const place = await send<Place>('POST', `/dead-letters/${segment(id)}/redrive`, value === undefined ? {} : { value });
  refresh('dead-letters', 'dead-letter', 'insight');
  return place;
}

export async function createKey(request: {
  name: string;
  role: string;
  expires_at?: string | null;
}): Promise<NewApiKey> {
  const key = await send<NewApiKey>('POST', '/keys', request);
  refresh('keys');
  return key;
}

export async function revokeKey(id: string): Promise<void> {
  await send<ApiKey | undefined>('DELETE', `/keys/${segment(id)}`);
  refresh('keys');
}

export function signInWithToken(token: string): Promise<Session> {
  return send('POST', '/session', { token });
}

export function signInForDevelopment(request: { org: string; role: string; person?: string }): Promise<Session> {
  return send('POST', '/session/development', request);
}

export function signOut(): Promise<void> {
  return send('DELETE', '/session');
}
