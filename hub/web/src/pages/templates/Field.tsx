// One blank of a template, by its type.
import { Input, NativeSelect, TextInput } from '@mantine/core';
import { useId } from 'react';
import type { TemplateParameter } from '@/api/types';
import { amountOf, textOf, UNITS, type Unit } from '@/designer/model/durations';
import css from './templates.module.css';

interface Props {
  parameter: TemplateParameter;
  value: string;
  onChange: (value: string) => void;
  error: string | undefined;
}

export function Field({ parameter, value, onChange, error }: Props) {
  const common = {
    name: parameter.name,
    label: parameter.label,
    description: parameter.description,
    required: parameter.required,
    error,
    value,
    onChange: (event: { currentTarget: { value: string } }) => onChange(event.currentTarget.value),
  };
  switch (parameter.type) {
    case 'choice':
      return <NativeSelect {...common} data={parameter.choices} />;
    case 'number':
      return (
        <TextInput
          {...common}
          classNames={{ wrapper: css.short }}
          type="number"
          min={parameter.least ?? undefined}
          step="any"
          inputMode="decimal"
        />
      );
    case 'duration':
      return <Duration {...common} onText={onChange} />;
    case 'email':
      return <TextInput {...common} type="email" autoComplete="email" placeholder="name@example.com" />;
    case 'list':
      return <TextInput {...common} description={`${parameter.description} Commas between them.`} />;
    case 'secret':
      return (
        <TextInput
          {...common}
          leftSection={<span className={css.prefix}>secret:</span>}
          leftSectionWidth={66}
          placeholder="NAME"
          autoComplete="off"
        />
      );
    default:
      return <TextInput {...common} />;
  }
}

interface DurationProps {
  name: string;
  label: string;
  description: string;
  required: boolean;
  error: string | undefined;
  value: string;
  onText: (text: string) => void;
}

/** A number and its unit; what is written otherwise (P3DT2H) stays as text. */
function Duration({ name, label, description, required, error, value, onText }: DurationProps) {
  const id = useId();
  const amount = value === '' ? { amount: Number.NaN, unit: 'minutes' as Unit } : amountOf(value);
  if (!amount) {
    return (
      <TextInput
        name={name}
        label={label}
        description={description}
        required={required}
        error={error}
        value={value}
        onChange={(event) => onText(event.currentTarget.value)}
      />
    );
  }
  const { unit } = amount;
  return (
    <Input.Wrapper label={label} description={description} required={required} error={error} id={id}>
      <div className={css.duration}>
        <Input
          id={id}
          name={name}
          type="number"
          min={0}
          inputMode="decimal"
          value={Number.isNaN(amount.amount) ? '' : String(amount.amount)}
          error={Boolean(error)}
          onChange={(event) => {
            const text = event.currentTarget.value;
            onText(text === '' ? '' : textOf({ amount: Number(text), unit }));
          }}
        />
        <NativeSelect
          aria-label={`Unit of ${label}`}
          data={[...UNITS]}
          value={unit}
          onChange={(event) => onText(textOf({ amount: amount.amount || 0, unit: event.currentTarget.value as Unit }))}
        />
      </div>
    </Input.Wrapper>
  );
}
