// What all boxes and rows of a condition builder share.
import { createContext, useContext } from 'react';
import type { Condition, ConditionTrace, OperatorInfo, Row } from '@/api/types';
import type { Told } from '../faults';
import type { Route } from '../model/conditions';
import type { VariableGroup } from '../variables/variables';

export interface Editing {
  whole: Condition;
  change: (next: Condition | null, mark?: string) => void;
  operators: OperatorInfo[];
  variables: VariableGroup[];
  trace: ConditionTrace | null;
  event: Row | null;
  faults: Told[];
  at: string; // what the fields' names begin with: condition, if, or nothing
  disabled: boolean;
  fresh: (or: boolean) => Condition; // the row that is added next, in such a group
  dragged: Route | null;
  drag: (event: React.PointerEvent, route: Route) => void;
  target: { into: Route; index: number } | null;
  shift: (route: Route, by: -1 | 1) => void;
}

export const EditingContext = createContext<Editing | null>(null);

export function useEditing(): Editing {
  const found = useContext(EditingContext);
  if (!found) throw new Error('Only inside a condition builder.');
  return found;
}

/** The trace of what stands at a route. */
export function traceAt(trace: ConditionTrace | null, route: Route): ConditionTrace | undefined {
  return route.reduce<ConditionTrace | undefined>(
    (here, index) => here && (here.all?.[index] ?? here.any?.[index] ?? (index === 0 ? here.not : undefined)),
    trace ?? undefined,
  );
}

export const same = (a: Route | null | undefined, b: Route): boolean =>
  Boolean(a && a.length === b.length && a.every((index, at) => index === b[at]));
