// The trigger: what it is, what its events tell, and another one.
import { Button } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { triggerIcon } from '@/flow/icons';
import { triggerOf } from '../acts';
import { useDesigner } from '../context';
import { placeAfter } from '../model/proposals';
import { shortly, variablesOf } from '../variables/variables';
import { Panel } from './Panel';
import { PreviewPicker } from './PreviewPicker';
import css from './panels.module.css';

export function TriggerPanel() {
  const { definition, catalogue, show, close, act, readOnly, event } = useDesigner();
  const trigger = triggerOf(definition, catalogue);
  if (!trigger) return null;
  const groups = variablesOf(definition, 'trigger', catalogue, event).filter(
    (one) => !one.variables.every((field) => field.may),
  );
  const footer = readOnly ? undefined : (
    <>
      <Button variant="default" onClick={() => show({ show: 'trigger-picker' })}>
        Another trigger
      </Button>
      <span className={css.gap} />
      {definition.conditions ? (
        <Button
          variant="default"
          leftSection={<IconPlus size={15} aria-hidden />}
          onClick={() => show({ show: 'picker', place: placeAfter(definition, 'trigger') })}
        >
          Next step
        </Button>
      ) : (
        <Button variant="default" onClick={() => act({ do: 'add-conditions' })}>
          Only if …
        </Button>
      )}
      <Button onClick={close}>Done</Button>
    </>
  );
  return (
    <Panel
      title={trigger.title}
      icon={triggerIcon(trigger.type)}
      lead={`${trigger.description}. From ${trigger.source}.`}
      footer={footer}
    >
      <PreviewPicker />
      {groups.map((group) => (
        <section key={group.label} aria-label={group.label}>
          <h3 className={css.sub}>{group.label}</h3>
          <dl className={css.facts}>
            {group.variables
              .filter((one) => one.type !== 'object')
              .map((one) => (
                <div key={one.path} style={{ display: 'contents' }}>
                  <dt>
                    {one.title}
                    <code>{one.path}</code>
                  </dt>
                  <dd>{shortly(one.now, 80)}</dd>
                </div>
              ))}
          </dl>
        </section>
      ))}
    </Panel>
  );
}
