// How often something that failed is tried again, and how long is waited before.
import { TextInput } from '@mantine/core';
import type { Retry } from '@/api/types';
import { ofField, type Told } from '../faults';
import { Choices, DurationInput } from '../form/controls';
import { Field } from '../form/Field';
import { inWords } from '../model/durations';
import css from './panels.module.css';

interface Props {
  retry: Retry | null;
  inherited: Retry | null; // the workflow's, for a step
  at: string;
  faults: Told[];
  disabled: boolean;
  workflow?: boolean;
  onChange: (retry: Retry | null, mark?: string) => void;
}

const USUAL: Required<Retry> = { max_retries: 3, initial_interval: 'PT1S', multiplier: 2, max_interval: 'PT1M' };

/** 3 more times, after 1 second, 2 seconds, 4 seconds. */
export function retryWords(retry: Retry | null): string {
  const { max_retries: times, initial_interval: first, multiplier, max_interval: most } = { ...USUAL, ...retry };
  if (times === 0) return 'not at all';
  return `${times} more ${times === 1 ? 'time' : 'times'}, after ${inWords(first)}, then ${multiplier} × longer up to ${inWords(most)}`;
}

export function RetryFields({ retry, inherited, at, faults, disabled, workflow, onChange }: Props) {
  const now = { ...USUAL, ...inherited, ...retry };
  const number = (name: 'max_retries' | 'multiplier', text: string) => {
    const read = Number(text);
    onChange(
      { ...now, [name]: text.trim() !== '' && Number.isFinite(read) ? read : (text as unknown as number) },
      `${at}.${name}`,
    );
  };
  const own = retry !== null;
  return (
    <>
      <Field
        name={at}
        title="Tried again"
        description={own ? null : `${retryWords(inherited)}.`}
        faults={own ? [] : ofField(faults, at)}
        group
      >
        {(ids) => (
          <Choices
            ids={ids}
            label="Tried again"
            choices={[
              { value: 'usual', label: workflow ? 'As usual' : 'As the workflow' },
              { value: 'never', label: 'Never' },
              { value: 'own', label: 'As set here' },
            ]}
            value={!own ? 'usual' : now.max_retries === 0 ? 'never' : 'own'}
            disabled={disabled}
            onChange={(next) =>
              onChange(next === 'usual' ? null : { ...now, max_retries: next === 'never' ? 0 : now.max_retries || 3 })
            }
          />
        )}
      </Field>
      {own && now.max_retries !== 0 && (
        <div className={css.pair}>
          <Field name={`${at}.max_retries`} title="More attempts" faults={ofField(faults, `${at}.max_retries`)}>
            {(ids) => (
              <TextInput
                id={ids.id}
                error={ids.invalid}
                inputMode="numeric"
                value={String(now.max_retries)}
                disabled={disabled}
                onChange={(event) => number('max_retries', event.target.value)}
              />
            )}
          </Field>
          <Field name={`${at}.multiplier`} title="Each time longer by ×" faults={ofField(faults, `${at}.multiplier`)}>
            {(ids) => (
              <TextInput
                id={ids.id}
                error={ids.invalid}
                inputMode="decimal"
                value={String(now.multiplier)}
                disabled={disabled}
                onChange={(event) => number('multiplier', event.target.value)}
              />
            )}
          </Field>
          {(['initial_interval', 'max_interval'] as const).map((name) => (
            <Field
              key={name}
              name={`${at}.${name}`}
              title={name === 'initial_interval' ? 'First wait' : 'Longest wait'}
              faults={ofField(faults, `${at}.${name}`)}
            >
              {(ids) => (
                <DurationInput
                  ids={ids}
                  label={name === 'initial_interval' ? 'First wait' : 'Longest wait'}
                  value={now[name]}
                  disabled={disabled}
                  onChange={(next) => onChange({ ...now, [name]: next ?? '' }, `${at}.${name}`)}
                />
              )}
            </Field>
          ))}
        </div>
      )}
    </>
  );
}
