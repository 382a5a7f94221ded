// The whole app: theme, cache, and the page of the current address.
import { MantineProvider } from '@mantine/core';
import { QueryClientProvider, useQuery } from '@tanstack/react-query';
import { type ReactNode, useEffect } from 'react';
import { Redirect, Route, Router, useLocation, useSearch } from 'wouter';
import { cache } from '@/api/cache';
import { isProblem } from '@/api/client';
import { startLive } from '@/api/live';
import { queries } from '@/api/queries';
import { useLoaded } from '@/parts/loading';
import { findPage, type Page } from '@/routes';
import { ErrorBoundary, NoAccess, NotFound, Trouble } from './ErrorPages';
import { Frame } from './Frame';
import { aroundNav } from './leave';
import { Toasts } from './Toasts';
import { theme, variables } from './theme';

export function App() {
  return (
    <MantineProvider theme={theme} cssVariablesResolver={variables} defaultColorScheme="auto">
      <QueryClientProvider client={cache}>
        <Router aroundNav={aroundNav}>
          <Place />
          <Toasts />
        </Router>
      </QueryClientProvider>
    </MantineProvider>
  );
}

function Place() {
  const [path] = useLocation();
  if (path === '/') return <Redirect to="/workflows" replace />;
  const found = findPage(path);
  if (found?.page.open) {
    return (
      <ErrorBoundary key={path}>
        <Content page={found.page} />
      </ErrorBoundary>
    );
  }
  return (
    <SignedIn>
      <ErrorBoundary key={path}>
        {found ? (
          <Route path={found.page.path}>
            <Content page={found.page} />
          </Route>
        ) : (
          <NotFound />
        )}
      </ErrorBoundary>
    </SignedIn>
  );
}

function Content({ page }: { page: Page }) {
  const Component = useLoaded(page.code);
  return Component ? <Component /> : <PageLoading />;
}

/** The frame with a page in it, once it is known who looks at it. */
function SignedIn({ children }: { children: ReactNode }) {
  const [path] = useLocation();
  const search = useSearch();
  const { data: session, error } = useQuery(queries.session());
  const mayRead = session?.permissions.includes('hub.workflows.read') ?? false;
  useEffect(() => (mayRead ? startLive() : undefined), [mayRead]);
  if (isProblem(error, 401)) {
    const back = path + (search ? `?${search}` : '');
    return <Redirect to={back === '/workflows' ? '/sign-in' : `/sign-in?back=${encodeURIComponent(back)}`} replace />;
  }
  if (error && !session) return <Trouble error={error} />;
  if (session && !mayRead) {
    return (
      <Frame closed>
        <NoAccess session={session} />
      </Frame>
    );
  }
  return <Frame>{session ? children : <PageLoading />}</Frame>;
}

function PageLoading() {
  return <div aria-busy="true" aria-live="polite" data-testid="page-loading" />;
}
