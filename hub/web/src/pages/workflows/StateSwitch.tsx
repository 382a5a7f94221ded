// The switch of a workflow: on the screen at once, taken back if the Hub refuses.
import { useMutation } from '@tanstack/react-query';
import { isProblem } from '@/api/client';
import type { Fault, WorkflowSummary } from '@/api/types';
import { changeState, type StateChange } from '@/api/writes';
import { StateChip } from '@/parts/status';
import { Toggle } from '@/parts/Toggle';
import { toastError } from '@/shell/Toasts';
import { nameOf, putState } from './acts';
import css from './workflows.module.css';

export interface NotReady {
  to: 'enabled' | 'put into shadow';
  detail: string;
  faults: Fault[];
}

const STAYS = { draft: 'a draft', shadow: 'in shadow', enabled: 'enabled', disabled: 'disabled' } as const;
const STATES = { enable: 'enabled', disable: 'disabled', shadow: 'shadow' } as const;

/** Changes a workflow's state optimistically; `onNotReady` hears what a draft lacks. */
export function useStateChange(item: WorkflowSummary, onNotReady?: (what: NotReady | null) => void) {
  return useMutation({
    mutationFn: (to: StateChange) => changeState(item.id, to),
    onMutate: (to) => {
      onNotReady?.(null);
      const before = item.state;
      putState(item.id, STATES[to]);
      return { before };
    },
    onError: (error, to, context) => {
      const before = context?.before ?? item.state;
      putState(item.id, before);
      if (onNotReady && isProblem(error, 422)) {
        onNotReady({
          to: to === 'shadow' ? 'put into shadow' : 'enabled',
          detail: error.message,
          faults: error.faults,
        });
      } else {
        toastError(error, `“${nameOf(item)}” stays ${STAYS[before]}`);
      }
    },
  });
}

interface Props {
  item: WorkflowSummary;
  mayWrite: boolean;
  onNotReady: (what: NotReady | null) => void;
}

export function StateSwitch({ item, mayWrite, onNotReady }: Props) {
  const change = useStateChange(item, onNotReady);
  return (
    <span className={css.switch}>
      {mayWrite && (
        <Toggle
          on={item.state === 'enabled'}
          label={`${nameOf(item)} enabled`}
          disabled={change.isPending}
          onChange={(on) => change.mutate(on ? 'enable' : 'disable')}
        />
      )}
      <StateChip state={item.state} />
    </span>
  );
}
