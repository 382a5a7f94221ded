// Cancel, resume or run again: first what would be done, then a reason, then it is done.
import { Button, TextInput } from '@mantine/core';
import { IconAlertTriangle, IconCheck, IconMinus } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { Steered } from '@/api/types';
import { steerRun, steerRuns } from '@/api/writes';
import { Dialog } from '@/parts/Dialog';
import { toast } from '@/shell/Toasts';
import { Bone } from './Bone';
import css from './SteerDialog.module.css';
import { doneWords, orderWords, planWords, type SteerAction, verbOf, type WhichVersion, wentWell } from './steering';
import { sentence } from './words';

export interface SteeredRun {
  run_id: string;
  name: string;
  workflow_name: string | null;
  workflow_version: number | null;
}

interface Props {
  action: SteerAction;
  runs: SteeredRun[];
  onClose: () => void;
  onDone?: (done: Steered[]) => void;
}

interface Order {
  action: SteerAction;
  ids: string[];
  version: WhichVersion;
  reason?: string;
  dry_run: boolean;
}

async function steerMany({ action, version, ...order }: Order): Promise<Steered[]> {
  return steerRuns({ action, ...order, ...(action !== 'cancel' && { version }) });
}

async function steerOne(runId: string, { action, version, reason, dry_run }: Order): Promise<Steered[]> {
  if (action === 'cancel') return [await steerRun(runId, { action, reason, dry_run })];
  return [await steerRun(runId, { action, reason, version, dry_run })];
}

export default function SteerDialog({ action, runs, onClose, onDone }: Props) {
  const [version, setVersion] = useState<WhichVersion>(action === 'rerun' ? 'current' : 'same');
  const [reason, setReason] = useState('');
  const ids = runs.map((run) => run.run_id);
  const [only] = runs;
  const carryOut = (order: Order) => (only && runs.length === 1 ? steerOne(only.run_id, order) : steerMany(order));
  const plan = useQuery({
    queryKey: ['steer-plan', action, version, ids],
    queryFn: () => carryOut({ action, ids, version, dry_run: true }),
    gcTime: 0,
    staleTime: 0,
  });
  const order = useMutation({
    mutationFn: (chosen: string[]) =>
      carryOut({ action, ids: chosen, version, reason: reason.trim() || undefined, dry_run: false }),
    onSuccess(done) {
      const well = done.filter(wentWell);
      if (well.length < done.length) return;
      toast({ text: doneWords(action, well.length) });
      onDone?.(done);
      onClose();
    },
  });
  const shown = order.data ?? plan.data;
  const possible = plan.data?.filter(wentWell).map((one) => one.run_id) ?? [];
  return (
    <Dialog title={titleWords(action, runs)} onClose={onClose}>
      <form
        className={css.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (possible.length > 0 && !order.isPending) order.mutate(possible);
        }}
      >
        {action !== 'cancel' && (
          <Versions chosen={version} onChange={setVersion} only={runs.length === 1 ? only : undefined} />
        )}
        <section
          className={css.plan}
          aria-label={order.data ? 'What was done' : 'What would be done'}
          aria-live="polite"
        >
          {shown ? <Plan plan={shown} runs={runs} /> : !plan.error && <Bone width="80%" height={18} />}
          <Trouble error={order.error ?? plan.error} />
        </section>
        <TextInput
          label="Reason"
          description="It stands in the history, beside your name."
          value={reason}
          maxLength={500}
          onChange={(event) => setReason(event.currentTarget.value)}
          data-autofocus
        />
        <div className={css.foot}>
          <Button variant="default" onClick={onClose}>
            {order.data ? 'Close' : 'Keep as it is'}
          </Button>
          {!order.data && (
            <Button
              type="submit"
              color={action === 'cancel' ? 'red' : undefined}
              disabled={possible.length === 0}
              loading={order.isPending}
            >
              {runs.length === 1 ? `${verbOf(action)}` : orderWords(action, possible.length)}
            </Button>
          )}
        </div>
      </form>
    </Dialog>
  );
}

function titleWords(action: SteerAction, runs: SteeredRun[]): string {
  const [only] = runs;
  return only && runs.length === 1 ? `${verbOf(action)}: ${only.name}` : orderWords(action, runs.length);
}

function Versions(props: {
  chosen: WhichVersion;
  onChange: (one: WhichVersion) => void;
  only: SteeredRun | undefined;
}) {
  const own = props.only?.workflow_version;
  const choices: [WhichVersion, string][] = [
    ['same', own ? `The version that it ran (${own})` : 'The version that each ran'],
    ['current', 'The version in force now'],
  ];
  return (
    <fieldset className={css.versions}>
      <legend>Under which version</legend>
      {choices.map(([value, label]) => (
        <label key={value}>
          <input
            type="radio"
            name="version"
            value={value}
            checked={props.chosen === value}
            onChange={() => props.onChange(value)}
          />
          {label}
        </label>
      ))}
    </fieldset>
  );
}

function Plan({ plan, runs }: { plan: Steered[]; runs: SteeredRun[] }) {
  const names = new Map(runs.map((run) => [run.run_id, run.name]));
  return (
    <ul className={css.list}>
      {plan.map((one) => {
        const well = wentWell(one);
        const Icon = well ? IconCheck : IconMinus;
        return (
          <li key={one.run_id} className={css.item} data-well={well}>
            <Icon size={15} stroke={2.2} aria-hidden />
            <div>
              {runs.length > 1 && <strong className={css.name}>{names.get(one.run_id) ?? one.run_id}</strong>}
              <span>{sentence(planWords(one))}</span>
              {one.warning && (
                <span className={css.warning}>
                  <IconAlertTriangle size={14} aria-hidden /> {sentence(one.warning)}
                </span>
              )}
            </div>
          </li>
        );
      })}
    </ul>
  );
}

function Trouble({ error }: { error: unknown }) {
  if (!error) return null;
  return (
    <p className={css.trouble} role="alert">
      {error instanceof Error ? error.message : String(error)}
    </p>
  );
}
