// Every page of the app by its address. A page's code is loaded when it is first needed, and what it will ask of the Hub is asked
// at the same time, not after.
import type { ComponentType } from 'react';
import { cache } from './api/cache';
import { queries } from './api/queries';
import type { RunKind } from './pages/history/filters';
import { type Loading, loading } from './parts/loading';

export type Params = Record<string, string>;

export interface Page {
  path: string; // /workflows/:id
  code: Loading<ComponentType>;
  /** Asks for what the page shows first. */
  ask: (params: Params, search: URLSearchParams) => void;
  /** Stands alone, for people who are not signed in. */
  open: boolean;
}

function page(
  path: string,
  load: () => Promise<{ default: ComponentType }>,
  ask: Page['ask'] = () => undefined,
  open = false,
): Page {
  return { path, code: loading(load), ask, open };
}

const editor = () => import('./pages/editor/EditorPage');
const runs = () => import('./pages/history/RunsPage');
const templates = () => import('./pages/templates/TemplatesPage');

const askCatalogue = () => void cache.prefetchQuery(queries.catalogue());
const askWorkflow = ({ id = '' }: Params) => {
  void cache.prefetchQuery(queries.workflow(id));
  askCatalogue();
};

/** The lists of runs ask for the first page at once where nothing narrows them. */
const askRuns = (kind: RunKind) => (_: Params, search: URLSearchParams) => {
  if (search.size === 0) void cache.prefetchQuery(queries.runsHead({ kind }));
};

/** The first that fits counts: fixed words stand before parameters. */
export const pages: Page[] = [
  page(
    '/workflows',
    () => import('./pages/workflows/WorkflowsPage'),
    (_, search) => {
      const filters = {
        search: search.get('search') ?? '',
        state: search.get('state') ?? '',
        trigger: search.get('trigger') ?? '',
      };
      void cache.prefetchInfiniteQuery(queries.workflows(filters));
    },
  ),
  page('/workflows/new', editor, askCatalogue),
  page('/workflows/:id', editor, askWorkflow),
  page('/workflows/:id/runs', () => import('./pages/history/WorkflowRunsPage'), askWorkflow),
  page('/workflows/:id/versions', () => import('./pages/editor/VersionsPage'), askWorkflow),
  page('/runs', runs, askRuns('runs')),
  page('/runs/filtered', () => import('./pages/history/FilteredPage'), askRuns('filtered')),
  page(
    '/runs/:runId',
    () => import('./pages/history/RunPage'),
    ({ runId = '' }) => void cache.prefetchQuery(queries.run(runId)),
  ),
  page('/why', () => import('./pages/why/WhyPage'), askCatalogue),
  page('/templates', templates, () => void cache.prefetchQuery(queries.templates())),
  page('/templates/:name', templates, () => void cache.prefetchQuery(queries.templates())),
  page(
    '/health',
    () => import('./pages/health/HealthPage'),
    () => void cache.prefetchQuery(queries.insight()),
  ),
  page('/dead-letters', () => import('./pages/dead-letters/DeadLettersPage')),
  page('/settings', () => import('./pages/settings/SettingsPage')),
  page(
    '/sign-in',
    () => import('./shell/SignInPage'),
    () => void cache.prefetchQuery(queries.signInOptions()),
    true,
  ),
];

function match(pattern: string, path: string): Params | null {
  const wanted = pattern.split('/');
  const given = path.split('/');
  if (wanted.length !== given.length) return null;
  const params: Params = {};
  for (const [index, part] of wanted.entries()) {
    const text = given[index] ?? '';
    if (part.startsWith(':')) {
      if (text === '') return null;
      params[part.slice(1)] = decoded(text);
    } else if (part !== text) {
      return null;
    }
  }
  return params;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export interface Found {
  page: Page;
  params: Params;
}

/** The page of an address's path, if there is one. */
export function findPage(path: string): Found | null {
  const plain = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
  for (const candidate of pages) {
    const params = match(candidate.path, plain);
    if (params) return { page: candidate, params };
  }
  return null;
}

/** Loads a page before it is shown: when a link to it is pointed at or focused. */
export function prepare(href: string): void {
  const url = new URL(href, window.location.origin);
  const found = findPage(url.pathname);
  if (!found) return;
  found.page.code.start();
  found.page.ask(found.params, url.searchParams);
}
