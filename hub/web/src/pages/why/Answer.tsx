// What became of one event: for each workflow whether it ran, or what kept it from running.
import { IconFlask } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { Link } from 'wouter';
import { queries } from '@/api/queries';
import type { DeadLetter, EventBrief, Why, WhyVerdict } from '@/api/types';
import { triggerIcon } from '@/flow/icons';
import { RunText } from '@/pages/history/RunText';
import { sentence } from '@/pages/history/words';
import { ConditionLeaves, ConditionTrace } from '@/parts/ConditionTrace';
import { EmptyState } from '@/parts/EmptyState';
import { Panel } from '@/parts/Page';
import { RelativeTime } from '@/parts/RelativeTime';
import { StatusChip } from '@/parts/status';
import { ValueView } from '@/parts/ValueView';
import { count, humanise } from '@/parts/words';
import { VerdictChip } from './VerdictChip';
import { reasonWords, sorted, verdictTone } from './verdicts';
import css from './why.module.css';

export function Answer({ why, asked }: { why: Why; asked: string }) {
  const { told, others } = sorted(why);
  if (!why.event && why.dead_letters.length === 0) return <NoEvent asked={asked} />;
  return (
    <Panel label="The answer" className={css.panel}>
      {why.event && <Head event={why.event} />}
      {why.dead_letters.map((letter) => (
        <Refused key={letter.id} letter={letter} />
      ))}
      <ul className={css.verdicts}>
        {told.map((one) => (
          <Verdict key={one.workflow} verdict={one} event={why.event} />
        ))}
      </ul>
      {why.event && told.length === 0 && (
        <p className={css.none}>No workflow waits for “{humanise(why.event.type)}”.</p>
      )}
      {why.also.length > 0 && <Also why={why} />}
      {others.length > 0 && <Others verdicts={others} />}
    </Panel>
  );
}

function NoEvent({ asked }: { asked: string }) {
  return (
    <Panel>
      <EmptyState
        title={`No event “${asked}”`}
        text="It never came, or it is older than what is kept, or it came less than a second ago. A link from another organisation leads to nothing here."
      />
    </Panel>
  );
}

function Head({ event }: { event: EventBrief }) {
  const [open, setOpen] = useState(false);
  const Icon = triggerIcon(event.type);
  return (
    <header className={css.head}>
      <span className={css.icon}>
        <Icon size={18} stroke={1.8} aria-hidden />
      </span>
      <div className={css.headWords}>
        <h2 className={css.title}>
          {humanise(event.type)}: {event.title ?? event.subject}
        </h2>
        <p className={css.facts}>
          <Link href={`/why?entity=${encodeURIComponent(event.subject)}`}>{event.subject}</Link> · from {event.source} ·
          happened <RelativeTime at={event.time} /> · <code>{event.id}</code>
        </p>
        <details className={css.whole} onToggle={(toggled) => setOpen(toggled.currentTarget.open)}>
          <summary>The whole event</summary>
          {open && <Whole event={event} />}
        </details>
      </div>
    </header>
  );
}

function Whole({ event }: { event: EventBrief }) {
  const { data, error } = useQuery(queries.event(event.id, event.source));
  if (error) return <p className={css.none}>{error.message}</p>;
  return data ? <ValueView title="As it came" value={data.envelope} /> : null;
}

function Refused({ letter }: { letter: DeadLetter }) {
  return (
    <div className={css.refused} role="note">
      <strong>It was refused: no workflow saw it.</strong>
      <span>{sentence(letter.field ? `${letter.field} ${letter.reason}` : letter.reason)}</span>
      <Link href={`/dead-letters?letter=${encodeURIComponent(letter.id)}`}>Mend it and send it again</Link>
    </div>
  );
}

function Verdict({ verdict, event }: { verdict: WhyVerdict; event: EventBrief | null }) {
  const reason = reasonWords(verdict);
  const ran = verdict.verdict === 'ran';
  return (
    <li className={css.verdict} data-tone={verdictTone(verdict.verdict)}>
      <div className={css.line}>
        <Link className={css.workflow} href={`/workflows/${encodeURIComponent(verdict.workflow)}`}>
          {verdict.name}
        </Link>
        {ran && verdict.status ? <StatusChip status={verdict.status} /> : <VerdictChip kind={verdict.verdict} />}
        <span className={css.acts}>
          {verdict.run_id && (
            <Link href={`/runs/${encodeURIComponent(verdict.run_id)}`}>{ran ? 'See the run' : 'See the record'}</Link>
          )}
          {!ran && event && <TryLink workflow={verdict.workflow} event={event} />}
        </span>
      </div>
      {reason && (
        <p className={css.reason}>
          <RunText text={sentence(reason)} />
        </p>
      )}
      {verdict.failing.length > 0 && (
        <>
          <p className={css.reason}>
            {verdict.failing.length === 1 ? 'This kept it from running:' : 'These kept it from running:'}
          </p>
          <ConditionLeaves leaves={verdict.failing} />
        </>
      )}
      {verdict.conditions && (
        <Folded summary={ran ? 'Its conditions held' : 'All of its conditions'}>
          <ConditionTrace trace={verdict.conditions} label={`Conditions of ${verdict.name}`} />
        </Folded>
      )}
      <p className={css.note}>
        {verdict.version !== null && <>Version {verdict.version}</>}
        {verdict.note && <> · {verdict.note}</>}
      </p>
    </li>
  );
}

function TryLink({ workflow, event }: { workflow: string; event: EventBrief }) {
  const query = new URLSearchParams({ tab: 'test', event: event.id, source: event.source });
  return (
    <Link className={css.try} href={`/workflows/${encodeURIComponent(workflow)}?${query}`}>
      <IconFlask size={14} aria-hidden /> Try it again
    </Link>
  );
}

function Folded({ summary, children }: { summary: string; children: ReactNode }) {
  return (
    <details className={css.folded}>
      <summary>{summary}</summary>
      {children}
    </details>
  );
}

/** Runs in which the event had another part. */
function Also({ why }: { why: Why }) {
  return (
    <section className={css.also} aria-label="Other runs that it had a part in">
      <h3>It also had a part in</h3>
      <ul>
        {why.also.map((one) => (
          <li key={one.run_id + one.what}>
            <Link href={`/runs/${encodeURIComponent(one.run_id)}`}>{one.workflow}</Link>{' '}
            <StatusChip status={one.status} /> <span>{one.what}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Others({ verdicts }: { verdicts: WhyVerdict[] }) {
  return (
    <details className={css.others}>
      <summary>{count(verdicts.length, 'workflow')} with other triggers</summary>
      <ul>
        {verdicts.map((one) => (
          <li key={one.workflow}>
            <Link href={`/workflows/${encodeURIComponent(one.workflow)}`}>{one.name}</Link> <span>{one.reason}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}
