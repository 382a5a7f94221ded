// Every question that the web app asks, each with its place in the cache: useQuery(queries.run(id)).
import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import { get, type Query, segment } from './client';
import type {
  ApiKey,
  AuditRecord,
  Catalogue,
  DeadLetter,
  Diff,
  EventBrief,
  EventDetail,
  Insight,
  Page,
  Run,
  RunBrief,
  RunCounts,
  Session,
  SignInOptions,
  Template,
  Version,
  Why,
  WhyEntity,
  Workflow,
  WorkflowHealth,
  WorkflowList,
} from './types';

export interface WorkflowFilters {
  search?: string;
  state?: string;
  trigger?: string;
}
export interface RunFilters {
  workflow?: string;
  status?: string; // one or more, joined by commas
  entity?: string;
  trigger?: string;
  since?: string;
  until?: string;
  error?: string;
  kind?: 'runs' | 'filtered' | 'all';
}
export interface EventFilters {
  type?: string;
  entity?: string;
  since?: string;
  until?: string;
}
export interface DeadLetterFilters {
  topic?: string;
  since?: string;
  text?: string;
}
export interface AuditFilters {
  who?: string;
  target?: string;
  action?: string;
  since?: string;
  until?: string;
}

/** All pages of a list that is read by cursors. */
function pages<P extends Page<unknown>>(noun: string, path: string, filters: Query, limit = 50) {
  return infiniteQueryOptions({
    queryKey: [noun, filters] as const,
    queryFn: ({ pageParam, signal }) => get<P>(path, { ...filters, limit, cursor: pageParam }, signal),
    initialPageParam: '',
    getNextPageParam: (last: P) => last.next,
    placeholderData: keepPreviousData,
  });
}

export const queries = {
  session: () =>
    queryOptions({
      queryKey: ['session'],
      queryFn: ({ signal }) => get<Session>('/session', undefined, signal),
      staleTime: Number.POSITIVE_INFINITY,
    }),
  signInOptions: () =>
    queryOptions({
      queryKey: ['sign-in'],
      queryFn: ({ signal }) => get<SignInOptions>('/session/options', undefined, signal),
    }),
  catalogue: () =>
    queryOptions({
      queryKey: ['catalogue'],
      queryFn: ({ signal }) => get<Catalogue>('/catalogue', undefined, signal),
      staleTime: Number.POSITIVE_INFINITY,
    }),

  workflows: (filters: WorkflowFilters = {}) => pages<WorkflowList>('workflows', '/workflows', { ...filters }),
  /** Only to choose from. */
  workflowNames: () =>
    queryOptions({
      queryKey: ['workflow-names'],
      queryFn: async ({ signal }) => {
        const { items } = await get<WorkflowList>('/workflows', { limit: 200 }, signal);
        return items.map(({ id, name }) => ({ value: id, label: name }));
      },
    }),
  workflow: (id: string) =>
    queryOptions({
      queryKey: ['workflow', id],
      queryFn: ({ signal }) => get<Workflow>(`/workflows/${segment(id)}`, undefined, signal),
    }),
  versions: (id: string) =>
    queryOptions({
      queryKey: ['workflow', id, 'versions'],
      queryFn: ({ signal }) => get<Page<Version>>(`/workflows/${segment(id)}/versions`, undefined, signal),
    }),
  version: (id: string, version: number) =>
    queryOptions({
      queryKey: ['workflow', id, 'version', version],
      queryFn: ({ signal }) => get<Workflow>(`/workflows/${segment(id)}/versions/${version}`, undefined, signal),
      staleTime: Number.POSITIVE_INFINITY,
    }),
  diff: (id: string, from: number, to: number) =>
    queryOptions({
      queryKey: ['workflow', id, 'diff', from, to],
      queryFn: ({ signal }) => get<Diff>(`/workflows/${segment(id)}/diff`, { from, to }, signal),
      staleTime: Number.POSITIVE_INFINITY,
    }),
  templates: () =>
    queryOptions({
      queryKey: ['templates'],
      queryFn: ({ signal }) => get<Page<Template>>('/templates', undefined, signal),
      staleTime: Number.POSITIVE_INFINITY,
    }),

  runs: (filters: RunFilters = {}) => pages<Page<RunBrief>>('runs', '/runs', { ...filters }),
  /** The first page alone: it is asked anew at each piece of news, and the pages below it are not. */
  runsHead: (filters: RunFilters = {}) =>
    queryOptions({
      queryKey: ['runs', filters, 'head'],
      queryFn: ({ signal }) => get<Page<RunBrief>>('/runs', { ...filters }, signal),
    }),
  runCounts: (filters: RunFilters = {}) =>
    queryOptions({
      queryKey: ['run-counts', filters],
      queryFn: ({ signal }) => get<RunCounts>('/runs/counts', { ...filters }, signal),
      placeholderData: keepPreviousData,
    }),
  run: (id: string) =>
    queryOptions({
      queryKey: ['run', id],
      queryFn: ({ signal }) => get<Run>(`/runs/${segment(id)}`, undefined, signal),
    }),

  why: (event: string, source?: string) =>
    queryOptions({
      queryKey: ['why', event, source ?? ''],
      queryFn: ({ signal }) => get<Why>('/why', { event, source }, signal),
    }),
  whyEntity: (entity: string, since?: string) =>
    queryOptions({
      queryKey: ['why-entity', entity, since ?? ''],
      queryFn: ({ signal }) => get<WhyEntity>('/why', { entity, since }, signal),
    }),
  events: (filters: EventFilters = {}) => pages<Page<EventBrief>>('events', '/events', { ...filters }),
  event: (id: string, source?: string) =>
    queryOptions({
      queryKey: ['event', id, source ?? ''],
      queryFn: ({ signal }) => get<EventDetail>(`/events/${segment(id)}`, { source }, signal),
      staleTime: Number.POSITIVE_INFINITY,
    }),

  deadLetters: (filters: DeadLetterFilters = {}) =>
    pages<Page<DeadLetter>>('dead-letters', '/dead-letters', { ...filters }),
  deadLetter: (id: string) =>
    queryOptions({
      queryKey: ['dead-letter', id],
      queryFn: ({ signal }) => get<DeadLetter>(`/dead-letters/${segment(id)}`, undefined, signal),
    }),
  insight: (minutes = 60) =>
    queryOptions({
      queryKey: ['insight', minutes],
      queryFn: ({ signal }) => get<Insight>('/insight', { minutes }, signal),
      placeholderData: keepPreviousData,
    }),
  // Checked once an hour.
  workflowHealth: () =>
    queryOptions({
      queryKey: ['workflow-health'],
      queryFn: ({ signal }) => get<WorkflowHealth>('/insight/workflows', undefined, signal),
      staleTime: 60_000,
    }),

  keys: () =>
    queryOptions({
      queryKey: ['keys'],
      queryFn: ({ signal }) => get<Page<ApiKey>>('/keys', undefined, signal),
    }),
  audit: (filters: AuditFilters = {}) => pages<Page<AuditRecord>>('audit', '/audit', { ...filters }),
};
