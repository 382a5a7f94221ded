// What holds for the whole workflow: errors, retries, what ends or restarts a run, and how many there may be.
import { NativeSelect, TextInput } from '@mantine/core';
import { IconSettings, IconTrash } from '@tabler/icons-react';
import { useMemo } from 'react';
import type { Definition, EventMatch } from '@/api/types';
import { triggerOf } from '../acts';
import { Builder } from '../conditions/Builder';
import { useDesigner } from '../context';
import { ofField } from '../faults';
import { Choices, DurationInput } from '../form/controls';
import { Field } from '../form/Field';
import { proposedRow } from '../model/proposals';
import { TemplateInput } from '../variables/TemplateInput';
import { variablesOf } from '../variables/variables';
import { Panel } from './Panel';
import css from './panels.module.css';
import { RetryFields } from './RetryFields';
import { useFieldFocus } from './useFieldFocus';

export function SettingsPanel({ field }: { field?: string | undefined }) {
  const { definition, change, readOnly, faults } = useDesigner();
  const body = useFieldFocus(field);
  const told = faults.of('settings');
  const set = (next: Definition, mark?: string) => change(next, mark && `settings/${mark}`);
  return (
    <Panel title="Workflow settings" icon={IconSettings}>
      <div ref={body}>
        <Field name="description" title="Description" faults={ofField(told, 'description')}>
          {(ids) => (
            <textarea
              id={ids.id}
              className={css.area}
              rows={2}
              maxLength={4000}
              value={definition.description ?? ''}
              disabled={readOnly}
              placeholder="What this workflow is for"
              onChange={(event) => {
                const { description: _, ...rest } = definition;
                const text = event.target.value;
                set(text ? { ...rest, description: text } : rest, 'description');
              }}
            />
          )}
        </Field>
        <Field
          name="on_error"
          title="When an action fails for good"
          description="A step may say otherwise for itself. Such a run counts as failed either way."
          faults={ofField(told, 'on_error')}
          group
        >
          {(ids) => (
            <Choices
              ids={ids}
              label="When an action fails for good"
              choices={[
                { value: 'continue', label: 'Go on with the next step' },
                { value: 'stop', label: 'Stop' },
              ]}
              value={definition.on_error ?? 'continue'}
              disabled={readOnly}
              onChange={(next) => set({ ...definition, on_error: next === 'stop' ? 'stop' : 'continue' })}
            />
          )}
        </Field>
        <RetryFields
          workflow
          retry={definition.retry ?? null}
          inherited={null}
          at="retry"
          faults={told}
          disabled={readOnly}
          onChange={(retry, mark) => {
            const { retry: _, ...rest } = definition;
            set(retry ? { ...rest, retry } : rest, mark);
          }}
        />
        <Matches
          name="cancel_on"
          title="A run is cancelled by"
          told="While it runs or waits, such an event of the same entity ends it."
        />
        <Matches
          name="restart_on"
          title="A run starts again on"
          told="Such an event of the same entity begins it anew from the first step, with the new event."
        />
        <Throttle />
      </div>
    </Panel>
  );
}

interface MatchesProps {
  name: 'cancel_on' | 'restart_on';
  title: string;
  told: string;
}

function Matches({ name, title, told }: MatchesProps) {
  const { definition, catalogue, change, readOnly, faults } = useDesigner();
  const list = definition[name] ?? [];
  const put = (next: EventMatch[], mark?: string) => {
    const { [name]: _, ...rest } = definition;
    change(next.length > 0 ? { ...rest, [name]: next } : rest, mark);
  };
  const entity = triggerOf(definition, catalogue)?.entity;
  // Only events of the same entity can ever come.
  const types = catalogue.triggers.filter(
    (one) => one.entity === entity || list.some((match) => match.type === one.type),
  );
  const offered = types.length > 0 ? types : catalogue.triggers;
  const usual = offered.find((one) => one.type !== definition.trigger?.type) ?? offered[0];
  return (
    <Field name={name} title={title} description={told} faults={ofField(faults.of('settings'), name)} group>
      {() => (
        <>
          {list.map((match, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: two may be the same
            <div key={index} className={css.match} data-field={`${name}[${index}]`}>
              <div className={css.matchHead}>
                <NativeSelect
                  size="xs"
                  aria-label="Event"
                  value={match.type}
                  disabled={readOnly}
                  data={offered.map((one) => ({ value: one.type, label: one.title }))}
                  onChange={(event) =>
                    put(list.map((one, at) => (at === index ? { ...one, type: event.target.value } : one)))
                  }
                />
                <button
                  type="button"
                  className={css.small}
                  aria-label="Remove this event"
                  disabled={readOnly}
                  onClick={() => put(list.filter((_, at) => at !== index))}
                >
                  <IconTrash size={15} aria-hidden />
                </button>
              </div>
              <Where
                match={match}
                at={`${name}[${index}].where`}
                onChange={(next, mark) =>
                  put(
                    list.map((one, at) => (at === index ? next : one)),
                    mark,
                  )
                }
              />
            </div>
          ))}
          {!readOnly && usual && (
            <button type="button" className={css.quiet} onClick={() => put([...list, { type: usual.type }])}>
              + Add an event
            </button>
          )}
        </>
      )}
    </Field>
  );
}

/** The condition that an event has to meet as well. */
function Where({
  match,
  at,
  onChange,
}: {
  match: EventMatch;
  at: string;
  onChange: (next: EventMatch, mark?: string) => void;
}) {
  const { definition, catalogue, readOnly, faults } = useDesigner();
  const trigger = catalogue.triggers.find((one) => one.type === match.type);
  const variables = useMemo(
    () => variablesOf({ ...definition, trigger: { type: match.type } }, 'trigger', catalogue, null),
    [definition, match.type, catalogue],
  );
  if (!match.where) {
    if (readOnly) return null;
    return (
      <button type="button" className={css.quiet} onClick={() => onChange({ ...match, where: proposedRow(trigger) })}>
        + Only where …
      </button>
    );
  }
  return (
    <div className={css.where}>
      <Builder
        condition={match.where}
        onChange={(next, mark) => {
          const { where: _, ...rest } = match;
          onChange(next ? { ...rest, where: next } : rest, mark);
        }}
        fresh={(others, or) => proposedRow(trigger, others, or)}
        operators={catalogue.operators}
        variables={variables}
        faults={faults.of('settings')}
        at={at}
        disabled={readOnly}
      />
    </div>
  );
}

/** Alerts are counted for their device: each alert is another. */
const keyOf = (entity: string) => (entity === 'alert' ? '{{device.id | default: alert.id}}' : `{{${entity}.id}}`);

function Throttle() {
  const { definition, catalogue, change, readOnly, faults, event } = useDesigner();
  const told = faults.of('settings');
  const throttle = definition.throttle ?? null;
  const variables = useMemo(() => variablesOf(definition, 'trigger', catalogue, event), [definition, catalogue, event]);
  const entity = triggerOf(definition, catalogue)?.entity ?? 'event';
  const put = (next: Definition['throttle'], mark?: string) => {
    const { throttle: _, ...rest } = definition;
    change(next ? { ...rest, throttle: next } : rest, mark && `settings/throttle.${mark}`);
  };
  return (
    <div data-field="throttle">
      <Field
        name="throttle.on"
        title="How many runs"
        description="Each of the rest is suppressed, with the reason in the history."
        group
      >
        {(ids) => (
          <Choices
            ids={ids}
            label="How many runs"
            choices={[
              { value: 'all', label: 'As many as come' },
              { value: 'most', label: 'At most so many' },
            ]}
            value={throttle ? 'most' : 'all'}
            disabled={readOnly}
            onChange={(next) => put(next === 'most' ? { key: keyOf(entity), limit: 1, per: '30m' } : null)}
          />
        )}
      </Field>
      {throttle && (
        <div className={css.match}>
          <div className={css.pair}>
            <Field name="throttle.limit" title="Runs" faults={ofField(told, 'throttle.limit')}>
              {(ids) => (
                <TextInput
                  id={ids.id}
                  error={ids.invalid}
                  inputMode="numeric"
                  value={String(throttle.limit)}
                  disabled={readOnly}
                  onChange={(typed) => {
                    const text = typed.target.value;
                    put(
                      { ...throttle, limit: /^\d+$/.test(text) ? Number(text) : (text as unknown as number) },
                      'limit',
                    );
                  }}
                />
              )}
            </Field>
            <Field name="throttle.per" title="In" faults={ofField(told, 'throttle.per')}>
              {(ids) => (
                <DurationInput
                  ids={ids}
                  label="In"
                  value={throttle.per}
                  disabled={readOnly}
                  onChange={(per) => put({ ...throttle, per: per ?? '' }, 'per')}
                />
              )}
            </Field>
          </div>
          <Field name="throttle.key" title="Counted for each" faults={ofField(told, 'throttle.key')}>
            {(ids) => (
              <TemplateInput
                id={ids.id}
                label="Counted for each"
                describedBy={ids.describedBy}
                invalid={ids.invalid}
                variables={variables}
                value={throttle.key}
                disabled={readOnly}
                onChange={(key) => put({ ...throttle, key }, 'key')}
              />
            )}
          </Field>
        </div>
      )}
    </div>
  );
}
