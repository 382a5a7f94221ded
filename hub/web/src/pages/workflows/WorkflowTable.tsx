import { IconAlertTriangle } from '@tabler/icons-react';
import { Fragment, memo, useState } from 'react';
import { Link } from 'wouter';
import { useMay } from '@/api/session';
import type { WorkflowSummary } from '@/api/types';
import { actionIcon, triggerIcon } from '@/flow/icons';
import { DayBars, totals } from '@/parts/DayBars';
import { RelativeTime } from '@/parts/RelativeTime';
import { Strip } from '@/parts/Strip';
import { count, humanise } from '@/parts/words';
import { prepare } from '@/routes';
import { nameOf } from './acts';
import { RowMenu } from './RowMenu';
import { type NotReady, StateSwitch } from './StateSwitch';
import css from './workflows.module.css';

export function WorkflowTable({ items }: { items: WorkflowSummary[] }) {
  const mayWrite = useMay('hub.workflows.write');
  return (
    <table className={css.table}>
      <thead>
        <tr>
          <th scope="col">State</th>
          <th scope="col">Workflow</th>
          <th scope="col">Actions</th>
          <th scope="col">Last runs</th>
          <th scope="col">7 days</th>
          <th scope="col">Success</th>
          <th scope="col">
            <span className={css.hidden}>More</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {items.map((item) => (
          <Row key={item.id} item={item} mayWrite={mayWrite} />
        ))}
      </tbody>
    </table>
  );
}

const Row = memo(function Row({ item, mayWrite }: { item: WorkflowSummary; mayWrite: boolean }) {
  const [notReady, setNotReady] = useState<NotReady | null>(null);
  const href = `/workflows/${encodeURIComponent(item.id)}`;
  const last = item.recent[0];
  // What it did is what one looks for; a draft has done nothing yet.
  const opens = item.state === 'draft' && !last ? href : `${href}/runs`;
  return (
    <Fragment>
      <tr className={css.row} data-state={item.state}>
        <td className={css.state}>
          <StateSwitch item={item} mayWrite={mayWrite} onNotReady={setNotReady} />
        </td>
        <th scope="row" className={css.name}>
          <Link
            href={opens}
            title={item.description ?? undefined}
            onPointerEnter={() => prepare(opens)}
            onFocus={() => prepare(opens)}
          >
            {nameOf(item)}
          </Link>
          <Starts item={item} />
        </th>
        <td className={css.actions}>
          <Actions actions={item.actions} />
        </td>
        <td className={css.recent}>
          <Strip runs={item.recent} of={nameOf(item)} />
          {last && (
            <Link href={`${href}/runs`} className={css.last}>
              <span className={css.hidden}>Runs of {nameOf(item)}, the last </span>
              <RelativeTime at={last.started_at} />
            </Link>
          )}
        </td>
        <td className={css.days}>
          <DayBars days={item.days} />
        </td>
        <td className={css.rate}>
          <Rate item={item} />
        </td>
        <td className={css.menu}>
          <RowMenu item={item} mayWrite={mayWrite} />
        </td>
      </tr>
      {notReady && (
        <tr className={css.notReady}>
          <td colSpan={7}>
            <Missing href={href} what={notReady} close={() => setNotReady(null)} />
          </td>
        </tr>
      )}
    </Fragment>
  );
});

/** What starts it and under which conditions, in one line. */
function Starts({ item }: { item: WorkflowSummary }) {
  if (!item.trigger_type) return <span className={css.starts}>No trigger yet</span>;
  const Icon = triggerIcon(item.trigger_type);
  const title = humanise(item.trigger_type);
  return (
    <span className={css.starts} title={item.conditions ? `${title}, if ${item.conditions}` : title}>
      <Icon size={14} aria-hidden />
      <span>
        {title}
        {item.conditions && <span className={css.soft}> if {item.conditions}</span>}
      </span>
    </span>
  );
}

const MOST_ICONS = 4;

/** Each action by its icon; the same one several times over is counted. */
function Actions({ actions }: { actions: string[] }) {
  const groups: { action: string; times: number }[] = [];
  for (const action of actions) {
    const last = groups.at(-1);
    if (last?.action === action) last.times += 1;
    else groups.push({ action, times: 1 });
  }
  const most = groups.length > MOST_ICONS ? MOST_ICONS - 1 : MOST_ICONS;
  const rest = groups.slice(most);
  return (
    <ul className={css.icons}>
      {groups.slice(0, most).map(({ action, times }, index) => {
        const Icon = actionIcon(action);
        const title = times > 1 ? `${humanise(action)}, ${times} times` : humanise(action);
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: the same action may come twice; only its place tells them apart
          <li key={index} title={title}>
            <Icon size={17} stroke={1.7} aria-hidden />
            {times > 1 && <small aria-hidden>{times}</small>}
            <span className={css.hidden}>{title}</span>
          </li>
        );
      })}
      {rest.length > 0 && <li title={rest.map(({ action }) => humanise(action)).join(', ')}>+{rest.length}</li>}
    </ul>
  );
}

function Rate({ item }: { item: WorkflowSummary }) {
  if (item.success_rate === null) return <span className={css.soft}>–</span>;
  const { failed } = totals(item.days);
  // 99.96 % is not all of them.
  const percent = failed > 0 ? Math.min(99, Math.round(item.success_rate * 100)) : 100;
  return (
    <>
      <span>{percent} %</span>
      {failed > 0 && (
        <Link
          href={`/workflows/${encodeURIComponent(item.id)}/runs?status=failed`}
          className={css.failed}
          aria-label={count(failed, 'failed run')}
        >
          <IconAlertTriangle size={12} aria-hidden />
          {failed.toLocaleString('en')} failed
        </Link>
      )}
    </>
  );
}

/** Why it can't be enabled yet, where it stands. */
function Missing({ href, what, close }: { href: string; what: NotReady; close: () => void }) {
  return (
    <div className={css.missing} role="alert">
      <IconAlertTriangle size={18} aria-hidden />
      <div>
        <strong>It can’t be {what.to} yet.</strong>
        {what.faults.length > 0 ? (
          <ul>
            {what.faults.map((fault) => (
              <li key={fault.pointer + fault.reason}>
                <code>{fault.field}</code> {fault.reason}
              </li>
            ))}
          </ul>
        ) : (
          <p>{what.detail}</p>
        )}
        <span className={css.missingActs}>
          <Link href={href}>Open in the designer</Link>
          <button type="button" onClick={close}>
            Dismiss
          </button>
        </span>
      </div>
    </div>
  );
}
