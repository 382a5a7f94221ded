// What starts this workflow? What happens next?
import { useMemo } from 'react';
import { addConditions, addStep, withTrigger } from '../acts';
import { useDesigner } from '../context';
import type { Place } from '../model/tree';
import { stepChoiceIcon, stepChoices, triggerChoiceIcon, triggerChoices } from '../picker/choices';
import { SearchList } from '../picker/SearchList';
import { Panel } from './Panel';

export function TriggerPicker() {
  const { definition, catalogue, done, close } = useDesigner();
  const groups = useMemo(() => triggerChoices(catalogue), [catalogue]);
  return (
    <Panel title="What starts this workflow?" flush>
      <SearchList
        groups={groups}
        label="Search triggers"
        iconOf={triggerChoiceIcon}
        current={definition.trigger?.type}
        nothing="No trigger is called that."
        onPick={(choice) => done(withTrigger(definition, choice.value))}
        onLeave={close}
      />
    </Panel>
  );
}

export function StepPicker({ place }: { place: Place }) {
  const { definition, catalogue, done, close } = useDesigner();
  const groups = useMemo(() => stepChoices(catalogue, definition, place), [catalogue, definition, place]);
  return (
    <Panel title="What happens next?" flush>
      <SearchList
        key={`${place.list}/${place.index}`}
        groups={groups}
        label="Search steps"
        iconOf={stepChoiceIcon}
        nothing="No step is called that."
        onLeave={close}
        onPick={({ value }) => {
          if (value === 'conditions') done(addConditions(definition, catalogue));
          else done(addStep(definition, value, place, catalogue));
        }}
      />
    </Panel>
  );
}
