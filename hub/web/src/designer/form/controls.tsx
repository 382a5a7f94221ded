// The controls that fields are made of, but for texts with variables.
import { NativeSelect, TextInput } from '@mantine/core';
import { IconBraces, IconPlus, IconX } from '@tabler/icons-react';
import { useRef } from 'react';
import type { Json } from '@/api/types';
import { type Amount, amountOf, textOf, UNITS, type Unit } from '../model/durations';
import { TemplateInput, type TemplateInputProps } from '../variables/TemplateInput';
import css from './controls.module.css';

export interface Ids {
  id: string;
  describedBy: string;
  invalid: boolean;
}

interface ChoicesProps {
  ids: Ids;
  label: string;
  choices: { value: string; label: string }[];
  value: string | undefined;
  clearable?: boolean;
  disabled?: boolean;
  onChange: (value: string | undefined) => void;
}

/** A few choices beside each other; arrows go along them. */
export function Choices({ ids, label, choices, value, clearable, disabled, onChange }: ChoicesProps) {
  const box = useRef<HTMLDivElement>(null);
  const index = choices.findIndex((one) => one.value === value);
  const go = (by: number) => {
    const next = choices[(Math.max(index, by > 0 ? -1 : 0) + by + choices.length) % choices.length];
    if (!next) return;
    onChange(next.value);
    box.current?.querySelector<HTMLElement>(`[data-value="${CSS.escape(next.value)}"]`)?.focus();
  };
  return (
    <div
      ref={box}
      id={ids.id}
      role="radiogroup"
      aria-label={label}
      aria-describedby={ids.describedBy}
      className={css.choices}
    >
      {choices.map((one, at) => (
        // biome-ignore lint/a11y/useSemanticElements: a radio button that can be taken back
        <button
          key={one.value}
          type="button"
          role="radio"
          aria-checked={one.value === value}
          data-value={one.value}
          disabled={disabled}
          tabIndex={at === Math.max(0, index) ? 0 : -1}
          onClick={() => onChange(clearable && one.value === value ? undefined : one.value)}
          onKeyDown={(event) => {
            const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
            if (by === undefined) return;
            event.preventDefault();
            go(by);
          }}
        >
          {one.label}
        </button>
      ))}
    </div>
  );
}

/** A switch between usual values and an expression. */
export function ExpressionToggle({ on, label, onClick }: { on: boolean; label: string; onClick: () => void }) {
  return (
    <button
      type="button"
      className={css.small}
      aria-pressed={on}
      aria-label={`${label} as an expression`}
      title="Expression"
      onClick={onClick}
    >
      <IconBraces size={14} aria-hidden />
    </button>
  );
}

export function Suggestions({ values, onPick }: { values: string[]; onPick: (value: string) => void }) {
  return (
    <div className={css.suggestions}>
      {values.map((one) => (
        <button key={one} type="button" onClick={() => onPick(one)}>
          {one.replaceAll('_', ' ')}
        </button>
      ))}
    </div>
  );
}

interface DurationProps {
  ids: Ids;
  label: string;
  value: string | undefined;
  disabled?: boolean;
  autoFocus?: boolean;
  onChange: (value: string | undefined) => void;
}

/** A number and its unit: 15 minutes. A text that is none is left as it is until it is changed. */
export function DurationInput({ ids, label, value, disabled, autoFocus, onChange }: DurationProps) {
  const found: Amount | null = value ? amountOf(value) : null;
  const unit: Unit = found?.unit ?? 'minutes';
  return (
    <div className={css.duration}>
      <TextInput
        id={ids.id}
        aria-label={label}
        aria-describedby={ids.describedBy}
        error={ids.invalid}
        inputMode="decimal"
        value={found ? String(found.amount) : (value ?? '')}
        placeholder="15"
        disabled={disabled}
        autoFocus={autoFocus}
        onChange={(event) => {
          const text = event.target.value.trim();
          if (text === '') return onChange(undefined);
          onChange(/^\d+(\.\d+)?$/.test(text) ? textOf({ amount: Number(text), unit }) : text);
        }}
      />
      <NativeSelect
        aria-label={`Unit of ${label}`}
        data={UNITS.map((one) => ({ value: one, label: one }))}
        value={unit}
        disabled={disabled}
        onChange={(event) => {
          const next = event.target.value as Unit;
          onChange(textOf({ amount: found?.amount ?? 15, unit: next }));
        }}
      />
    </div>
  );
}

interface SecretProps {
  ids: Ids;
  label: string;
  value: string | undefined;
  placeholder: string | null;
  disabled?: boolean;
  onChange: (value: string | undefined) => void;
}

const SECRET = 'secret:';

/** The name of a secret; its value is never here. */
export function SecretInput({ ids, label, value, placeholder, disabled, onChange }: SecretProps) {
  const named = value === undefined || value.startsWith(SECRET);
  return (
    <TextInput
      id={ids.id}
      aria-label={label}
      aria-describedby={ids.describedBy}
      error={ids.invalid}
      leftSection={named ? <span className={css.prefix}>secret:</span> : undefined}
      leftSectionWidth={named ? 58 : undefined}
      leftSectionPointerEvents="none"
      value={named ? (value ?? '').slice(SECRET.length) : value}
      placeholder={(placeholder ?? '').replace(SECRET, '')}
      disabled={disabled}
      spellCheck={false}
      onChange={(event) => {
        const text = event.target.value;
        if (text === '') return onChange(undefined);
        // Whoever pastes a whole address or a whole name means it as it is.
        onChange(
          named && !text.startsWith(SECRET) && !text.includes('://') && !text.includes('{{') ? SECRET + text : text,
        );
      }}
    />
  );
}

interface KeyValueProps {
  ids: Ids;
  label: string;
  value: Record<string, Json>;
  suggestions: string[];
  disabled?: boolean;
  input: Pick<TemplateInputProps, 'variables'>;
  onChange: (value: Record<string, Json> | undefined) => void;
  toText: (value: Json | undefined) => string;
  fromText: (text: string) => Json | undefined;
}

/** Names and values, a row each. */
export function KeyValue({
  ids,
  label,
  value,
  suggestions,
  disabled,
  input,
  onChange,
  toText,
  fromText,
}: KeyValueProps) {
  const rows = Object.entries(value);
  const put = (next: [string, Json][]) => onChange(next.length > 0 ? Object.fromEntries(next) : undefined);
  const free = suggestions.find((one) => !(one in value)) ?? '';
  const list = `${ids.id}-names`;
  const fresh = () => {
    let name = free || 'name';
    for (let number = 2; name in value; number += 1) name = `${free || 'name'}-${number}`;
    put([...rows, [name, '']]);
  };
  return (
    <div className={css.rows}>
      <datalist id={list}>
        {suggestions.map((one) => (
          <option key={one} value={one} />
        ))}
      </datalist>
      {rows.map(([name, inner], index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a row stays the same while its name is typed
        <div key={index} className={css.row} data-field={name}>
          <input
            className={css.name}
            aria-label={`Name ${index + 1} of ${label}`}
            list={suggestions.length > 0 ? list : undefined}
            value={name}
            disabled={disabled}
            onChange={(event) => {
              const renamed = event.target.value;
              if (renamed !== name && renamed in value) return;
              put(rows.map(([key, one], at) => [at === index ? renamed : key, one]));
            }}
          />
          <TemplateInput
            {...input}
            label={`${name || 'Value'} in ${label}`}
            value={toText(inner)}
            disabled={disabled}
            onChange={(text) => put(rows.map(([key, one], at) => [key, at === index ? (fromText(text) ?? '') : one]))}
          />
          <button
            type="button"
            className={css.small}
            aria-label={`Remove ${name || 'this row'} from ${label}`}
            disabled={disabled}
            onClick={() => put(rows.filter((_, at) => at !== index))}
          >
            <IconX size={14} aria-hidden />
          </button>
        </div>
      ))}
      {!disabled && (
        <button type="button" id={ids.id} className={css.add} onClick={fresh}>
          <IconPlus size={14} aria-hidden />
          Add {rows.length === 0 ? 'one' : 'another'}
        </button>
      )}
    </div>
  );
}
