// The first thing to be read: all is well, or what is not.
import { IconAlertTriangle, IconCircleCheck, IconClock } from '@tabler/icons-react';
import { Link } from 'wouter';
import type { Signal } from './figures';
import css from './health.module.css';

export function Signals({ signals, words, untold }: { signals: Signal[]; words: string; untold: boolean }) {
  if (signals.length === 0) {
    return (
      <p className={css.well} role="status">
        <IconCircleCheck size={18} aria-hidden />
        {untold
          ? `In the ${words} nothing failed and nothing was refused. Kafka has not told yet who is behind.`
          : `All is well: in the ${words} nothing failed, nobody is behind, and nothing was refused.`}
      </p>
    );
  }
  return (
    <ul className={css.signals} aria-label="What needs a look">
      {signals.map((one) => {
        const Icon = one.tone === 'bad' ? IconAlertTriangle : IconClock;
        return (
          <li key={one.title + one.text}>
            <Leading href={one.href} tone={one.tone}>
              <Icon size={16} aria-hidden />
              <strong>{one.title}</strong>
              <span>{one.text}</span>
            </Leading>
          </li>
        );
      })}
    </ul>
  );
}

function Leading({ href, tone, children }: { href: string; tone: string; children: React.ReactNode }) {
  // An anchor on this page is no other page.
  if (href.startsWith('#')) {
    return (
      <a href={href} className={css.signal} data-tone={tone}>
        {children}
      </a>
    );
  }
  return (
    <Link href={href} className={css.signal} data-tone={tone}>
      {children}
    </Link>
  );
}
