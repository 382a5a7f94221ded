// Who it was about, how it ended, and what can be done about it.
import { IconAlertTriangle, IconBan, IconEyeOff, IconRepeat } from '@tabler/icons-react';
import { type ReactNode, useState } from 'react';
import { Link } from 'wouter';
import type { Run } from '@/api/types';
import { triggerIcon } from '@/flow/icons';
import { RelativeTime } from '@/parts/RelativeTime';
import { Chip, StatusChip } from '@/parts/status';
import { wholeTime } from '@/parts/time';
import { humanise } from '@/parts/words';
import { Elapsed } from '@/timeline/Elapsed';
import { whoWords } from '@/timeline/turns';
import { RunActions } from './RunActions';
import css from './RunHeader.module.css';
import { RunText } from './RunText';
import { isOpen, type Subject, sentence, shortId } from './words';

export function RunHeader({ run, subject }: { run: Run; subject: Subject }) {
  const Icon = triggerIcon(run.trigger_type ?? undefined);
  const ran = run.status !== 'skipped' && run.status !== 'suppressed';
  return (
    <header className={css.header}>
      <p className={css.crumbs}>
        <Link href="/runs">Runs</Link> <span aria-hidden>/</span>{' '}
        <Link href={`/workflows/${encodeURIComponent(run.workflow_id)}/runs`}>
          {run.workflow_name ?? run.workflow_id}
        </Link>
      </p>
      <div className={css.top}>
        <span className={css.icon}>
          <Icon size={20} stroke={1.8} aria-hidden />
        </span>
        <h1 className={css.name}>{subject.name}</h1>
        <StatusChip status={run.status} />
        {run.shadow && (
          <Chip tone="busy" icon={IconEyeOff} title="No action was performed: the steps say what each would have done">
            Shadow
          </Chip>
        )}
        {run.generation > 0 && (
          <Chip tone="mute" icon={IconRepeat} title="How often it was resumed or restarted">
            {run.generation === 1 ? 'Begun again once' : `Begun again ${run.generation} times`}
          </Chip>
        )}
        <span className={css.space} />
        <RunActions run={run} />
      </div>
      <dl className={css.facts}>
        <Fact name="Workflow">
          <Link href={`/workflows/${encodeURIComponent(run.workflow_id)}`}>{run.workflow_name ?? run.workflow_id}</Link>
          <span className={css.soft}> version {run.workflow_version}</span>
        </Fact>
        <Fact name="Trigger">{humanise(run.trigger_type ?? '–')}</Fact>
        {subject.id && <Fact name="About">{subject.id}</Fact>}
        <Fact name={ran ? 'Started' : 'When'}>
          <RelativeTime at={run.started_at} />
        </Fact>
        {ran && (
          <Fact name={isOpen(run.status) ? 'For' : 'Took'}>
            <Elapsed since={run.started_at} ms={run.duration_ms} />
          </Fact>
        )}
        {run.status === 'waiting' && run.waits_until && (
          <Fact name="Until">
            <span title={wholeTime(run.waits_until)}>
              <RelativeTime at={run.waits_until} />
            </span>
          </Fact>
        )}
        <Fact name="Run">
          <span className={css.mono} title={run.run_id}>
            {shortId(run.run_id)}
          </span>
        </Fact>
      </dl>
      <Reason run={run} />
      <Story sentences={run.story} />
    </header>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className={css.fact}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** What went wrong, what kept it from running, or who stopped it: in full, where it stays. */
function Reason({ run }: { run: Run }) {
  const told = reasonOf(run);
  if (!told) return null;
  const [tone, text] = told;
  const Icon = tone === 'mute' ? IconBan : IconAlertTriangle;
  return (
    <div className={css.reason} data-tone={tone} role="note" aria-label={tone === 'bad' ? 'Error' : 'Reason'}>
      <Icon size={16} aria-hidden />
      <span>
        <RunText text={sentence(text)} />
      </span>
    </div>
  );
}

function reasonOf(run: Run): ['bad' | 'wait' | 'mute', string] | null {
  if (run.status === 'failed') return run.error ? ['bad', run.error] : null;
  if (run.status === 'cancelled') {
    const entry = run.entries.findLast((one) => one.type === 'run.cancelled');
    return entry ? ['mute', `Cancelled by ${whoWords(entry.data.by)}`] : null;
  }
  if (run.status !== 'skipped' && run.status !== 'suppressed') return null;
  const reason = run.reason ?? run.error;
  return reason ? ['wait', reason] : null;
}

const SHORT = 4;

/** The run in sentences; of a long story the beginning and the end. */
function Story({ sentences }: { sentences: string[] }) {
  const [all, setAll] = useState(false);
  if (sentences.length === 0) return null;
  const long = sentences.length > SHORT + 1;
  const shown = all || !long ? sentences : [...sentences.slice(0, SHORT - 1), '…', ...sentences.slice(-1)];
  return (
    <p className={css.story} data-testid="story">
      <RunText text={shown.join(' ')} />{' '}
      {long && (
        <button type="button" className={css.more} onClick={() => setAll(!all)} aria-expanded={all}>
          {all ? 'Shorter' : 'The whole story'}
        </button>
      )}
    </p>
  );
}
