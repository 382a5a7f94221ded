import type { ReactNode } from 'react';
import { Link } from 'wouter';

export function Frame({ children }: { children: ReactNode }) {
  return (
    <div>
      <nav aria-label="Main">
        <Link href="/workflows">Workflows</Link> <Link href="/runs">Runs</Link> <Link href="/templates">Templates</Link>{' '}
        <Link href="/health">Health</Link> <Link href="/dead-letters">Dead letters</Link>{' '}
        <Link href="/settings">Settings</Link>
      </nav>
      <main id="main" tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}
