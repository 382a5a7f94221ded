// What stands in a page's place where it can't be shown.

import { Button } from '@mantine/core';
import { Component, type ReactNode } from 'react';
import { Link } from 'wouter';
import { isProblem } from '@/api/client';
import type { Session } from '@/api/types';
import css from './ErrorPages.module.css';
import { useTitle } from './title';

export function Message({ title, text, children }: { title: string; text: ReactNode; children?: ReactNode }) {
  useTitle(title);
  return (
    <div className={css.message}>
      <h1>{title}</h1>
      <p>{text}</p>
      {children}
    </div>
  );
}

export function NotFound() {
  return (
    <Message title="Nothing is here" text="This address leads to no page. What it named may have been deleted.">
      <Link href="/workflows">To the workflows</Link>
    </Message>
  );
}

export function NoAccess({ session }: { session: Session }) {
  return (
    <Message
      title="No access to workflows"
      text={
        <>
          You are signed in to {session.org} as {session.role ?? 'a guest'}, and that may not see workflows. An owner or
          an admin of your organisation can give you another role.
        </>
      }
    />
  );
}

/** The page of an error: what happened, in words, and a way on. */
export function Trouble({ error, retry }: { error: unknown; retry?: () => void }) {
  if (isProblem(error, 404)) return <NotFound />;
  const title = isProblem(error) ? error.title : 'This page broke';
  const text = error instanceof Error ? error.message : String(error);
  return (
    <Message title={title} text={text}>
      <Button variant="default" onClick={retry ?? (() => window.location.reload())}>
        Try again
      </Button>
    </Message>
  );
}

/** Keeps an error in one page from taking the navigation with it. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state: { error: unknown } = { error: null };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    if (this.state.error) return <Trouble error={this.state.error} retry={() => this.setState({ error: null })} />;
    return this.props.children;
  }
}
