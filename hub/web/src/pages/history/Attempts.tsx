// The attempts of a step: when, for how long, and what went wrong each time.
import { IconCheck, IconLoader2, IconX } from '@tabler/icons-react';
import type { Attempt, Row } from '@/api/types';
import { wholeTime } from '@/parts/time';
import { ValueView } from '@/parts/ValueView';
import { errorWords, httpStatus } from '@/timeline/errors';
import { lasted, millis } from '@/timeline/time';
import css from './Attempts.module.css';

/** An error in full: its status, its message, and what was answered. */
export function ErrorBox({ error }: { error: Row }) {
  const status = httpStatus(error);
  const { message, status: _status, kind: _kind, body, ...rest } = error;
  return (
    <div className={css.error} role="note" aria-label="Error">
      <p className={css.message}>
        {status !== null && <span className={css.status}>HTTP {status}</span>}
        {typeof message === 'string' ? message.replace(new RegExp(`^HTTP ${status}:?\\s*`), '') : errorWords(error)}
      </p>
      {typeof body === 'string' && body && <Answer body={body} />}
      {body !== null && typeof body === 'object' && <ValueView title="What was answered" value={body} />}
      {Object.keys(rest).length > 0 && <ValueView title="More about it" value={rest} />}
    </div>
  );
}

function Answer({ body }: { body: string }) {
  return (
    <>
      <p className={css.label}>What was answered</p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard */}
      <section className={css.body} tabIndex={0} aria-label="What was answered">
        {body}
      </section>
    </>
  );
}

export function Attempts({ tries }: { tries: Attempt[] }) {
  return (
    <div className={css.attempts}>
      <h3 className={css.heading}>{tries.length} attempts</h3>
      <ol className={css.list}>
        {tries.map((one) => (
          <OneAttempt key={one.attempt} attempt={one} last={one === tries.at(-1)} />
        ))}
      </ol>
    </div>
  );
}

function OneAttempt({ attempt, last }: { attempt: Attempt; last: boolean }) {
  const open = !attempt.finished_at;
  const Icon = open ? IconLoader2 : attempt.error ? IconX : IconCheck;
  const took = attempt.finished_at ? lasted(millis(attempt.finished_at) - millis(attempt.at)) : 'in progress';
  const pause =
    attempt.next_at && attempt.finished_at ? lasted(millis(attempt.next_at) - millis(attempt.finished_at)) : null;
  const head = (
    <>
      <span className={css.mark} data-tone={open ? 'busy' : attempt.error ? 'bad' : 'ok'}>
        <Icon size={14} stroke={2.4} aria-hidden />
      </span>
      <span className={css.number}>{attempt.attempt}</span>
      <span className={css.what}>{attempt.error ? errorWords(attempt.error) : open ? 'Running' : 'Succeeded'}</span>
      <span className={css.took} title={wholeTime(attempt.at)}>
        {took}
        {pause && ` · next after ${pause}`}
      </span>
    </>
  );
  if (!attempt.error) return <li className={css.row}>{head}</li>;
  return (
    <li>
      <details open={last || undefined}>
        <summary className={css.row}>{head}</summary>
        <ErrorBox error={attempt.error} />
      </details>
    </li>
  );
}
