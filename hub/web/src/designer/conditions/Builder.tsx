// The condition builder: groups as nested boxes, comparisons as rows, each with its value in the event that is looked at.
import { IconPlus } from '@tabler/icons-react';
import { useCallback, useMemo } from 'react';
import type { Condition, ConditionTrace, Row as Data, OperatorInfo } from '@/api/types';
import type { Told } from '../faults';
import { add, at, group, inside, isGroup, isLeaf, isNot, move, type Route } from '../model/conditions';
import type { VariableGroup } from '../variables/variables';
import { Box } from './Box';
import css from './conditions.module.css';
import { type Editing, EditingContext } from './editing';
import { RowLine } from './RowLine';
import { parentGroup, useRowDrag } from './useRowDrag';

export interface BuilderProps {
  condition: Condition;
  onChange: (next: Condition | null, mark?: string) => void;
  fresh: (others: Condition, or: boolean) => Condition;
  operators: OperatorInfo[];
  variables: VariableGroup[];
  trace?: ConditionTrace | null;
  event?: Data | null;
  faults?: Told[];
  at: string;
  disabled?: boolean;
}

export function Builder(props: BuilderProps) {
  const { condition, onChange, fresh } = props;
  const dragging = useRowDrag(condition, onChange);
  const shift = useCallback(
    (route: Route, by: -1 | 1) => {
      const next = shifted(condition, route, by);
      if (next !== condition) onChange(next);
    },
    [condition, onChange],
  );
  const editing: Editing = useMemo(
    () => ({
      whole: condition,
      change: onChange,
      operators: props.operators,
      variables: props.variables,
      trace: props.trace ?? null,
      event: props.event ?? null,
      faults: props.faults ?? [],
      at: props.at,
      disabled: props.disabled ?? false,
      fresh: (or: boolean) => fresh(condition, or),
      ...dragging,
      shift,
    }),
    [
      condition,
      onChange,
      fresh,
      props.operators,
      props.variables,
      props.trace,
      props.event,
      props.faults,
      props.at,
      props.disabled,
      dragging,
      shift,
    ],
  );
  const lone = isLeaf(condition) || (isNot(condition) && isLeaf(condition.not));
  return (
    <EditingContext value={editing}>
      <div className={css.builder} data-dragging={dragging.dragged !== null || undefined}>
        {lone ? <RowLine route={[]} /> : <Box route={[]} />}
        {lone && !props.disabled && (
          <div className={css.more}>
            <button
              type="button"
              className={css.add}
              onClick={() => onChange(add(condition, [], 1, fresh(condition, false)))}
            >
              <IconPlus size={14} aria-hidden />
              And …
            </button>
            <button
              type="button"
              className={css.add}
              onClick={() => onChange(group('any', [condition, fresh(condition, true)]))}
            >
              <IconPlus size={14} aria-hidden />
              Or …
            </button>
          </div>
        )}
      </div>
    </EditingContext>
  );
}

/** One place up or down: past its neighbour, into a group that is its neighbour, or out of the group that it is in. */
function shifted(whole: Condition, route: Route, by: -1 | 1): Condition {
  const here = parentGroup(whole, route);
  if (!here) return whole;
  const own = [...here.into, here.index];
  const list = inside(at(whole, here.into) as Condition);
  const next = list[here.index + by];
  if (next && isGroup(next)) {
    const into = [...here.into, here.index + by];
    return move(whole, own, into, by < 0 ? inside(next).length : 0);
  }
  if (next) return move(whole, own, here.into, by < 0 ? here.index - 1 : here.index + 2);
  const above = parentGroup(whole, here.into);
  if (!above) return whole;
  return move(whole, own, above.into, by < 0 ? above.index : above.index + 1);
}
