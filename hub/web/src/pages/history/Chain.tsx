// What caused this run, and what it caused: each a link.
import { IconArrowRight } from '@tabler/icons-react';
import { Link } from 'wouter';
import type { Related, Run } from '@/api/types';
import { StatusChip } from '@/parts/status';
import css from './Chain.module.css';

const LABELS: Record<Related['how'], string> = {
  'caused this': 'Caused by',
  'caused by this': 'It caused',
  'rerun of': 'Run again from',
  'reran this': 'Run again as',
};

/** From the left to the right as it happened; nothing where the run stands alone. */
export function Chain({ run }: { run: Run }) {
  const before = run.related.filter((one) => one.how === 'caused this' || one.how === 'rerun of');
  const after = run.related.filter((one) => one.how === 'caused by this' || one.how === 'reran this');
  if (before.length + after.length === 0 && run.causation_chain.length < 2) return null;
  // Workflows of the chain whose runs are no longer kept are told by their ids.
  const known = new Set(before.map((one) => one.workflow_id));
  const unknown = run.causation_chain.slice(0, -1).filter((id) => !known.has(id));
  return (
    <section className={css.chain} aria-label="What caused what">
      {unknown.map((id) => (
        <Linked key={id} to="">
          <Gone id={id} />
        </Linked>
      ))}
      {before.map((one) => (
        <Linked key={`${one.how}${one.run_id}`} to={LABELS[one.how]}>
          <Card related={one} />
        </Linked>
      ))}
      <span className={css.here} aria-current="true">
        This run
      </span>
      {after.length > 0 && (
        <>
          <span className={css.how}>{LABELS[after[0]?.how ?? 'caused by this']}</span>
          <IconArrowRight size={15} className={css.arrow} aria-hidden />
          <span className={css.fan}>
            {after.map((one) => (
              <Card key={`${one.how}${one.run_id}`} related={one} />
            ))}
          </span>
        </>
      )}
    </section>
  );
}

function Linked({ to, children }: { to: string; children: React.ReactNode }) {
  return (
    <>
      {to && <span className={css.how}>{to}</span>}
      {children}
      <IconArrowRight size={15} className={css.arrow} aria-hidden />
    </>
  );
}

function Card({ related }: { related: Related }) {
  const name = related.workflow_name ?? related.workflow_id;
  if (!related.run_id) return <Gone id={name} />;
  return (
    <Link className={css.card} href={`/runs/${encodeURIComponent(related.run_id)}`}>
      <span className={css.name}>{name}</span>
      {related.status && <StatusChip status={related.status} />}
    </Link>
  );
}

function Gone({ id }: { id: string }) {
  return (
    <span className={css.card} data-gone title="Its run is not in the history">
      {id}
    </span>
  );
}
