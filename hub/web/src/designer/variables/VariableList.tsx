// The variables to choose from, each with its value in the event that is looked at.
import { useMemo } from 'react';
import { SearchList } from '../picker/SearchList';
import css from './VariableList.module.css';
import { asChoices, shortly, type Variable, type VariableGroup } from './variables';

interface Props {
  variables: VariableGroup[];
  onPick: (variable: Variable) => void;
  onLeave: () => void;
  objects?: boolean;
  current?: string;
}

export function VariableList({ variables, onPick, onLeave, objects = false, current }: Props) {
  const groups = useMemo(() => asChoices(variables, objects), [variables, objects]);
  return (
    <div className={css.list}>
      <SearchList
        compact
        groups={groups}
        label="Search fields"
        nothing="No field of this event is called that."
        onPick={(choice) => onPick(choice.value)}
        onLeave={onLeave}
        rightOf={(choice) => shortly(choice.value.now, 26)}
        current={current}
      />
    </div>
  );
}
