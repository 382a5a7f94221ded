// Failing workflows, what was kept back, who is behind, and how long steps take.
import { IconBolt, IconCheck, IconClock, IconRepeat, IconShieldOff, IconX, type TablerIcon } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { Insight } from '@/api/types';
import { actionIcon } from '@/flow/icons';
import { RunText } from '@/pages/history/RunText';
import { sentence } from '@/pages/history/words';
import { Panel } from '@/parts/Page';
import { RelativeTime } from '@/parts/RelativeTime';
import { Chip, type Tone } from '@/parts/status';
import { count, humanise } from '@/parts/words';
import { lasted } from '@/timeline/time';
import { isUntold, lagTone } from './figures';
import css from './health.module.css';

export function Box({
  id,
  title,
  empty,
  children,
}: {
  id?: string;
  title: string;
  empty: string | null;
  children: ReactNode;
}) {
  return (
    <Panel label={title} className={css.box}>
      <h2 id={id} className={css.title}>
        {title}
      </h2>
      {empty ? (
        <p className={css.empty}>
          <IconCheck size={16} stroke={2.2} aria-hidden /> {empty}
        </p>
      ) : (
        children
      )}
    </Panel>
  );
}

export function Failing({ insight, query }: { insight: Insight; query: string }) {
  const rows = insight.failing.filter((one) => one.failed > 0);
  return (
    <Box title="Workflows that fail" empty={rows.length === 0 ? 'No run failed.' : null}>
      <ul className={css.rows}>
        {rows.map((one) => (
          <li key={one.workflow_id}>
            <div className={css.line}>
              <Link href={`/runs?workflow=${encodeURIComponent(one.workflow_id)}&status=failed&${query}`}>
                {one.name ?? one.workflow_id}
              </Link>
              <span className={css.number}>
                {one.failed} of {count(one.runs, 'run')}
              </span>
            </div>
            <div className={css.share} aria-hidden>
              <span style={{ width: `${Math.min(100, (100 * one.failed) / Math.max(1, one.runs))}%` }} />
            </div>
            {one.last_error && <p className={css.under}>{sentence(one.last_error)}</p>}
          </li>
        ))}
      </ul>
    </Box>
  );
}

const GUARDS: Record<string, { word: string; icon: TablerIcon; tone: Tone }> = {
  storm: { word: 'Storm', icon: IconBolt, tone: 'wait' },
  throttle: { word: 'Throttled', icon: IconShieldOff, tone: 'mute' },
  loop: { word: 'Loop', icon: IconRepeat, tone: 'bad' },
};
const OTHER = { word: 'Kept back', icon: IconShieldOff, tone: 'wait' } as const;

export function KeptBack({ insight, query }: { insight: Insight; query: string }) {
  return (
    <Box
      title="Kept back by guards"
      empty={insight.storms.length === 0 ? 'No storm, no loop, nothing throttled.' : null}
    >
      <ul className={css.rows}>
        {insight.storms.map((one) => {
          const guard = GUARDS[one.guard] ?? OTHER;
          return (
            <li key={one.workflow_id + one.guard}>
              <div className={css.line}>
                <Link
                  href={`/runs/filtered?workflow=${encodeURIComponent(one.workflow_id)}&status=suppressed&${query}`}
                >
                  {one.name ?? one.workflow_id}
                </Link>
                <Chip tone={guard.tone} icon={guard.icon}>
                  {guard.word}
                </Chip>
                <span className={css.number}>{count(one.suppressed, 'event')}</span>
              </div>
              <p className={css.under}>
                <RunText text={sentence(one.reason)} /> Last <RelativeTime at={one.last_at} />.
              </p>
            </li>
          );
        })}
      </ul>
    </Box>
  );
}

const LAG_ICONS: Partial<Record<Tone, TablerIcon>> = { ok: IconCheck, wait: IconClock, bad: IconX };

export function Lag({ insight }: { insight: Insight }) {
  const { projector } = insight;
  const rows = [...insight.lag].sort((a, b) => b.behind - a.behind || a.group.localeCompare(b.group));
  return (
    <Box id="behind" title="Who keeps up" empty={null}>
      <table className={css.table}>
        <thead>
          <tr>
            <th>Consumer</th>
            <th>Topic</th>
            <th className={css.right}>Behind</th>
          </tr>
        </thead>
        <tbody>
          <tr>
            <td>projector</td>
            <td>history</td>
            <td className={css.right}>
              {isUntold(insight) ? (
                <Chip tone="mute" icon={IconClock}>
                  Not told yet
                </Chip>
              ) : (
                <Behind behind={projector.behind} tone={projector.caught_up ? lagTone(projector.behind) : 'wait'} />
              )}
            </td>
          </tr>
          {rows.map((one) => (
            <tr key={`${one.group} ${one.topic}`}>
              <td>{one.group}</td>
              <td>{one.topic}</td>
              <td className={css.right}>
                <Behind behind={one.behind} tone={lagTone(one.behind)} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Box>
  );
}

function Behind({ behind, tone }: { behind: number; tone: Tone }) {
  return (
    <Chip tone={tone} icon={LAG_ICONS[tone] ?? IconCheck}>
      {tone === 'ok' ? (behind === 0 ? 'Keeps up' : `Keeps up, ${behind}`) : `${behind.toLocaleString('en')} behind`}
    </Chip>
  );
}

export function Steps({ insight }: { insight: Insight }) {
  const rows = insight.steps.filter((one) => one.action !== 'condition');
  const most = Math.max(1, ...rows.map((one) => one.p95_ms ?? 0));
  return (
    <Box title="How long steps take" empty={rows.length === 0 ? 'No step ended in this time.' : null}>
      <table className={css.table}>
        <thead>
          <tr>
            <th>Action</th>
            <th className={css.right}>Done</th>
            <th className={css.right}>Failed</th>
            <th className={css.right}>Half within</th>
            <th className={css.right}>95 % within</th>
            <th className={css.span}>
              <span className={css.hidden}>As bars</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((one) => {
            const Icon = actionIcon(one.action);
            return (
              <tr key={one.action}>
                <td>
                  <span className={css.action}>
                    <Icon size={15} stroke={1.8} aria-hidden />
                    {humanise(one.action)}
                  </span>
                </td>
                <td className={css.right}>{one.succeeded.toLocaleString('en')}</td>
                <td className={css.right} data-bad={one.failed > 0 || undefined}>
                  {one.failed.toLocaleString('en')}
                </td>
                <td className={css.right}>{lasted(one.p50_ms)}</td>
                <td className={css.right}>{lasted(one.p95_ms)}</td>
                <td className={css.span} aria-hidden>
                  <span className={css.range}>
                    <span style={place(one.p50_ms, one.p95_ms, most)} />
                  </span>
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Box>
  );
}

/** From the median to the 95th percentile, on a scale of orders of size: from 1 ms to the longest. */
function place(from: number | null, to: number | null, most: number) {
  const x = (ms: number | null) => (Math.log10(Math.max(1, ms ?? 1)) / Math.max(1, Math.log10(most))) * 100;
  const left = Math.min(x(from), 94);
  return { insetInlineStart: `${left}%`, width: `${Math.max(6, x(to) - left)}%` };
}
