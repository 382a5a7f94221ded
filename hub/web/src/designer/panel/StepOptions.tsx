// What every step has: a name, an id, and what happens when it fails.
import { TextInput } from '@mantine/core';
import { useState } from 'react';
import type { Step } from '@/api/types';
import { useDesigner } from '../context';
import { ofField } from '../faults';
import { Choices } from '../form/controls';
import { Field } from '../form/Field';
import { rename, update } from '../model/edit';
import { isId } from '../model/ids';
import { isAction, pathOf } from '../model/tree';
import css from './panels.module.css';
import { RetryFields } from './RetryFields';

export function StepOptions({ step, path }: { step: Step; path: string }) {
  const { definition, change, readOnly, faults } = useDesigner();
  const told = faults.of(path);
  const set = (change_: (old: Step) => Step, mark?: string) =>
    change(update(definition, step.id, change_), mark && `${step.id}/${mark}`);
  const action = isAction(step) && step.action !== 'delay' ? step : null;
  const hint = [
    step.name && 'named',
    action?.on_error && `on error: ${action.on_error}`,
    action?.retry && 'own retries',
  ].filter(Boolean);
  return (
    <details className={css.fold}>
      <summary>
        Name{action ? ', errors and retries' : ' and id'} {hint.length > 0 && <span>· {hint.join(', ')}</span>}
      </summary>
      <Field
        name="name"
        title="Name"
        description="What the card is called; by default what it does."
        faults={ofField(told, 'name')}
      >
        {(ids) => (
          <TextInput
            id={ids.id}
            aria-describedby={ids.describedBy}
            value={step.name ?? ''}
            disabled={readOnly}
            maxLength={200}
            onChange={(event) => {
              const name = event.target.value;
              set((old) => {
                const { name: _, ...rest } = old;
                return (name ? { ...rest, name } : rest) as Step;
              }, 'name');
            }}
          />
        )}
      </Field>
      <IdField step={step} />
      {action && (
        <Field name="on_error" title="When it fails for good" faults={ofField(told, 'on_error')} group>
          {(ids) => (
            <Choices
              ids={ids}
              label="When it fails for good"
              choices={[
                { value: '', label: `As the workflow (${definition.on_error ?? 'continue'})` },
                { value: 'continue', label: 'Go on' },
                { value: 'stop', label: 'Stop' },
              ]}
              value={action.on_error ?? ''}
              disabled={readOnly}
              onChange={(next) =>
                set((old) => {
                  const { on_error: _, ...rest } = old as typeof action;
                  return next === 'continue' || next === 'stop' ? { ...rest, on_error: next } : rest;
                })
              }
            />
          )}
        </Field>
      )}
      {action && (
        <RetryFields
          retry={action.retry ?? null}
          inherited={definition.retry ?? null}
          at="retry"
          faults={told}
          disabled={readOnly}
          onChange={(retry, mark) =>
            set((old) => {
              const { retry: _, ...rest } = old as typeof action;
              return retry ? { ...rest, retry } : rest;
            }, mark)
          }
        />
      )}
    </details>
  );
}

/** The id changes when it is left: half an id is none, and what refers to it goes along only once. */
function IdField({ step }: { step: Step }) {
  const { definition, done, readOnly } = useDesigner();
  const [typed, setTyped] = useState<string | null>(null);
  const text = typed ?? step.id;
  const put = () => {
    setTyped(null);
    if (typed === null || typed === step.id || !isId(typed)) return;
    const [next, id] = rename(definition, step.id, typed);
    done({ next, view: { show: 'card', key: pathOf(next, id) ?? id } });
  };
  return (
    <Field
      name="id"
      title="Id"
      description={`Its result is {{steps.${step.id}. …}} in later steps; renaming it renames that too.`}
      faults={
        isId(text)
          ? []
          : [
              {
                kind: 'fault',
                key: '',
                rest: 'id',
                field: 'id',
                reason: 'letters, digits, _ . and - alone, beginning with a letter or digit',
              },
            ]
      }
    >
      {(ids) => (
        <TextInput
          id={ids.id}
          aria-describedby={ids.describedBy}
          value={text}
          disabled={readOnly}
          spellCheck={false}
          onChange={(event) => setTyped(event.target.value)}
          onBlur={put}
          onKeyDown={(event) => event.key === 'Enter' && put()}
        />
      )}
    </Field>
  );
}
