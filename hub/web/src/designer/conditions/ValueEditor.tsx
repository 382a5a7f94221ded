// What a field is compared with, by its type: a choice, a number, yes or no, a list, or a text.
import { NativeSelect } from '@mantine/core';
import { IconX } from '@tabler/icons-react';
import { type KeyboardEvent, useState } from 'react';
import type { FieldInfo, Json, Leaf } from '@/api/types';
import { TemplateInput } from '../variables/TemplateInput';
import type { VariableGroup } from '../variables/variables';
import css from './conditions.module.css';
import { type Compared, typedValue, valueText } from './rows';

interface Props {
  leaf: Leaf;
  compared: Compared;
  info: FieldInfo | undefined;
  variables: VariableGroup[];
  label: string;
  invalid: boolean;
  disabled: boolean;
  onChange: (value: Json, typing?: boolean) => void;
}

const OTHER = '\u0000other';

export function ValueEditor(props: Props) {
  const { leaf, compared, info, onChange, label, disabled } = props;
  const [free, setFree] = useState(false);
  if (compared === 'none') return null;
  if (compared === 'list' && !isTemplate(leaf.value)) return <ListEditor {...props} />;
  const choices = info?.type === 'boolean' ? ['true', 'false'] : (info?.choices ?? []);
  const now = valueText(leaf.value);
  if (choices.length > 0 && !free && (now === '' || choices.includes(now))) {
    return (
      <NativeSelect
        size="xs"
        className={css.value}
        aria-label={label}
        error={props.invalid}
        disabled={disabled}
        value={now}
        data={[
          ...(now === '' ? [{ value: '', label: 'Choose …' }] : []),
          ...choices.map((one) => ({ value: one, label: one })),
          { value: OTHER, label: 'Something else …' },
        ]}
        onChange={(event) => {
          const next = event.target.value;
          if (next === OTHER) {
            setFree(true);
            onChange('');
          } else onChange(info?.type === 'boolean' ? next === 'true' : next);
        }}
      />
    );
  }
  return (
    <div className={css.value}>
      <TemplateInput
        small
        label={label}
        variables={props.variables}
        value={now}
        invalid={props.invalid}
        disabled={disabled}
        placeholder={info?.type === 'time' ? '2026-11-23T08:00:00Z' : info?.type === 'number' ? '0' : 'a value'}
        onChange={(next) => onChange(typedValue(next, info?.type), true)}
      />
    </div>
  );
}

const isTemplate = (value: Json | undefined) => typeof value === 'string' && value.includes('{{');

/** Several values: a click each where they are known, else chips. */
function ListEditor({ leaf, info, label, disabled, invalid, onChange }: Props) {
  const values = Array.isArray(leaf.value) ? leaf.value : [];
  const texts = values.map(valueText);
  const known = info?.choices ?? [];
  const strange = texts.filter((one) => !known.includes(one));
  return (
    <fieldset className={`${css.value} ${css.chips}`} data-invalid={invalid || undefined} aria-label={label}>
      {known.map((one) => (
        <button
          key={one}
          type="button"
          aria-pressed={texts.includes(one)}
          disabled={disabled}
          onClick={() =>
            onChange(texts.includes(one) ? values.filter((old) => valueText(old) !== one) : [...values, one])
          }
        >
          {one}
        </button>
      ))}
      {strange.map((one) => (
        <span key={one} className={css.chip}>
          {one}
          <button
            type="button"
            aria-label={`Remove ${one}`}
            disabled={disabled}
            onClick={() => onChange(values.filter((old) => valueText(old) !== one))}
          >
            <IconX size={12} aria-hidden />
          </button>
        </span>
      ))}
      {known.length === 0 && !disabled && (
        <ChipInput label={label} type={info?.type} values={values} onChange={onChange} />
      )}
    </fieldset>
  );
}

interface ChipProps {
  label: string;
  type: FieldInfo['type'] | undefined;
  values: Json[];
  onChange: (value: Json) => void;
}

function ChipInput({ label, type, values, onChange }: ChipProps) {
  const [text, setText] = useState('');
  const put = () => {
    const made = text
      .split(',')
      .map((one) => one.trim())
      .filter((one) => one !== '' && !values.map(valueText).includes(one));
    if (made.length > 0) onChange([...values, ...made.map((one) => typedValue(one, type))]);
    setText('');
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' || event.key === ',') {
      event.preventDefault();
      put();
    } else if (event.key === 'Backspace' && text === '' && values.length > 0) {
      onChange(values.slice(0, -1));
    }
  };
  return (
    <input
      aria-label={`Add to ${label}`}
      placeholder={values.length === 0 ? 'Values, with Enter' : 'Another'}
      value={text}
      onChange={(event) => setText(event.target.value)}
      onKeyDown={onKeyDown}
      onBlur={put}
    />
  );
}
