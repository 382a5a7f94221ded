// What is set of one card: a step's parameters or condition, with the buttons that move, copy and delete it.
import { Button } from '@mantine/core';
import { IconArrowDown, IconArrowUp, IconCopy, IconPlus, IconTrash } from '@tabler/icons-react';
import { useCallback, useEffect, useMemo, useRef } from 'react';
import type { ActionStep, Condition, Row, Step } from '@/api/types';
import { branchIcon, conditionsIcon, gateIcon, stepIcon } from '@/flow/icons';
import { actionTitle } from '@/flow/sentences';
import { conditionOf, triggerOf } from '../acts';
import { Builder } from '../conditions/Builder';
import { useDesigner } from '../context';
import { SchemaForm } from '../form/SchemaForm';
import { neighbour, update, withCondition } from '../model/edit';
import { placeAfter, proposedRow } from '../model/proposals';
import { atPath, isAction, isBranch, isGate, type Located, type Place, SIDES, sideKey } from '../model/tree';
import tip from '../tip.module.css';
import { usePreview } from '../usePreview';
import { variablesOf } from '../variables/variables';
import { focusField, focusFirst } from './focus';
import { Panel } from './Panel';
import { PreviewPicker } from './PreviewPicker';
import css from './panels.module.css';
import { StepOptions } from './StepOptions';

interface Props {
  cardKey: string;
  field?: string | undefined;
  fresh?: boolean | undefined;
}

export function StepPanel({ cardKey, field, fresh }: Props) {
  const { definition } = useDesigner();
  const found = atPath(definition, cardKey);
  const body = useFocus(cardKey, field, fresh);
  return (
    <div ref={body} className={css.slot}>
      {cardKey === 'conditions' ? <ConditionsPanel /> : found && <OneStep found={found} />}
    </div>
  );
}

/** The keyboard goes to the field that a fault leads to, or into a card that was just added. */
function useFocus(cardKey: string, field: string | undefined, fresh: boolean | undefined) {
  const body = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each new card asks anew
  useEffect(() => {
    if (!body.current) return;
    if (field !== undefined) focusField(body.current, field);
    else if (fresh) focusFirst(body.current);
  }, [cardKey, field, fresh]);
  return body;
}

/** What the previews of a card show. */
function useCard(key: string) {
  const { definition, catalogue, event, faults } = useDesigner();
  const variables = useMemo(() => variablesOf(definition, key, catalogue, event), [definition, key, catalogue, event]);
  const rendered = usePreview(definition, key, event);
  return { variables, rendered, faults: faults.of(key) };
}

function ConditionEditor({ cardKey, owner, at }: { cardKey: string; owner: string; at: string }) {
  const { definition, catalogue, change, readOnly, event, act } = useDesigner();
  const { variables, rendered, faults } = useCard(cardKey);
  const condition = conditionOf(definition, cardKey);
  const trigger = triggerOf(definition, catalogue);
  const onChange = useCallback(
    (next: Condition | null, mark?: string) => {
      if (next) change(withCondition(definition, owner, next), mark && `${owner}/${mark}`);
      else act({ do: 'remove', key: cardKey });
    },
    [definition, owner, cardKey, change, act],
  );
  const fresh = useCallback((others: Condition, or: boolean) => proposedRow(trigger, others, or), [trigger]);
  if (!condition) return null;
  return (
    <Builder
      condition={condition}
      onChange={onChange}
      fresh={fresh}
      operators={catalogue.operators}
      variables={variables}
      trace={rendered?.trace ?? null}
      event={event?.envelope ?? null}
      faults={faults}
      at={at}
      disabled={readOnly}
    />
  );
}

function ConditionsPanel() {
  const { definition, catalogue } = useDesigner();
  const trigger = triggerOf(definition, catalogue);
  const lead = `Of all “${trigger?.title ?? 'trigger'}” events only those run this workflow for which this holds.`;
  return (
    <Panel title="Only if" icon={conditionsIcon} lead={lead} footer={<Footer cardKey="conditions" />}>
      <PreviewPicker />
      <ConditionEditor cardKey="conditions" owner="conditions" at="" />
    </Panel>
  );
}

function OneStep({ found }: { found: Located }) {
  const { step, path } = found;
  if (isAction(step)) return <ActionPanel step={step} path={path} />;
  const gate = isGate(step);
  return (
    <Panel
      title={step.name || (gate ? 'Only continue if' : 'Branch')}
      icon={gate ? gateIcon : branchIcon}
      lead={
        gate
          ? 'Where this does not hold the run ends here, as completed.'
          : 'Yes where this holds, No where it does not. Both go on below.'
      }
      footer={<Footer cardKey={path} />}
    >
      <PreviewPicker />
      <ConditionEditor cardKey={path} owner={step.id} at={gate ? 'condition' : 'if'} />
      <StepOptions step={step} path={path} />
    </Panel>
  );
}

function ActionPanel({ step, path }: { step: ActionStep; path: string }) {
  const { definition, catalogue, change, readOnly } = useDesigner();
  const { variables, rendered, faults } = useCard(path);
  const known = catalogue.actions.find((one) => one.action === step.action);
  const set = (values: Row, field: string) =>
    change(
      update(definition, step.id, (old) => ({ ...old, with: values }) as Step),
      `${step.id}/with.${field}`,
    );
  return (
    <Panel
      title={step.name || actionTitle(step.action, catalogue)}
      icon={stepIcon(step)}
      lead={known?.description}
      footer={<Footer cardKey={path} />}
    >
      {step.action !== 'delay' && <PreviewPicker />}
      {known && (
        <SchemaForm
          key={step.id}
          schema={known.schema}
          values={step.with ?? {}}
          onChange={set}
          at="with"
          faults={faults}
          variables={variables}
          rendered={rendered}
          disabled={readOnly}
        />
      )}
      <StepOptions step={step} path={path} />
    </Panel>
  );
}

/** Reordering without a mouse, a copy, and what goes on from here. */
function Footer({ cardKey }: { cardKey: string }) {
  const { definition, act, show, close, readOnly } = useDesigner();
  const found = atPath(definition, cardKey);
  if (readOnly)
    return (
      <Button variant="default" ml="auto" onClick={close}>
        Close
      </Button>
    );
  const can = (way: 'up' | 'down') => Boolean(found && neighbour(definition, found.step.id, way));
  const waiting = definition.steps.length === 0;
  const branch = found && isBranch(found.step) ? found.step : null;
  // An empty branch is filled first; else it goes on behind the card.
  const sides = branch ? SIDES.filter((side) => (branch[side] ?? []).length === 0) : [];
  const add = (place: Place) => show({ show: 'picker', place });
  return (
    <>
      {found && (
        <>
          <Small
            label="Move up"
            icon={IconArrowUp}
            off={!can('up')}
            onClick={() => act({ do: 'shift', path: cardKey, way: 'up' })}
          />
          <Small
            label="Move down"
            icon={IconArrowDown}
            off={!can('down')}
            onClick={() => act({ do: 'shift', path: cardKey, way: 'down' })}
          />
          <Small label="Copy" icon={IconCopy} onClick={() => act({ do: 'duplicate', path: cardKey })} />
        </>
      )}
      <Small label="Delete" icon={IconTrash} danger onClick={() => act({ do: 'remove', key: cardKey })} />
      <span className={css.gap} />
      {branch &&
        sides.map((side) => (
          <Button
            key={side}
            variant="default"
            leftSection={<IconPlus size={15} aria-hidden />}
            onClick={() => add({ list: sideKey(branch.id, side), index: 0 })}
            data-next
          >
            {side === 'then' ? 'If Yes' : 'If No'}
          </Button>
        ))}
      {sides.length === 0 && (
        <Button
          variant={waiting ? 'filled' : 'default'}
          leftSection={<IconPlus size={15} aria-hidden />}
          onClick={() => add(placeAfter(definition, cardKey))}
          data-next
        >
          Next step
        </Button>
      )}
      {!waiting && <Button onClick={close}>Done</Button>}
    </>
  );
}

interface SmallProps {
  label: string;
  icon: typeof IconCopy;
  off?: boolean;
  danger?: boolean;
  onClick: () => void;
}

function Small({ label, icon: Mark, off, danger, onClick }: SmallProps) {
  return (
    <button
      type="button"
      className={`${css.small} ${tip.tip}`}
      data-tip={label}
      data-danger={danger || undefined}
      aria-label={label}
      disabled={off}
      onClick={onClick}
    >
      <Mark size={16} aria-hidden />
    </button>
  );
}
