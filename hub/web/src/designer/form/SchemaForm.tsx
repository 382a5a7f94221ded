// The form of an action's parameters, made from its JSON Schema.
import { useState } from 'react';
import type { Json, Row } from '@/api/types';
import { ofField, type Told } from '../faults';
import { type Rendered, renderedText } from '../preview';
import { TemplateInput } from '../variables/TemplateInput';
import type { VariableGroup } from '../variables/variables';
import { Choices, DurationInput, ExpressionToggle, type Ids, KeyValue, SecretInput, Suggestions } from './controls';
import { Field } from './Field';
import css from './SchemaForm.module.css';
import { type FieldForm, fromJsonText, jsonText, plan, withValue } from './schema';

export interface SchemaFormProps {
  schema: Row;
  values: Row;
  onChange: (values: Row, field: string) => void;
  at: string; // with: what its fields' names begin with
  faults: Told[];
  variables: VariableGroup[];
  rendered: Rendered | null;
  disabled?: boolean;
  autoFocus?: string | null;
}

export function SchemaForm(props: SchemaFormProps) {
  const { schema, values, onChange } = props;
  const made = plan(schema, values);
  const set = (name: string, value: Json | undefined) => onChange(withValue(values, name, value), name);
  const either = made.either.find((one) => values[one] !== undefined) ?? made.either[0];
  const one = (field: FieldForm) => <SchemaField key={field.name} field={field} props={props} set={set} />;
  return (
    <>
      {made.either.length > 0 && <Either props={props} chosen={either} names={made.either} titles={made.fields} />}
      {made.fields.filter((field) => !made.either.includes(field.name) || field.name === either).map(one)}
      {made.usual.length > 0 && (
        <details className={css.usual} open={made.usual.some((field) => field.name === props.autoFocus) || undefined}>
          <summary>
            Usual values <span>{made.usual.map((field) => `${field.title} ${shown(field.fallback)}`).join(' · ')}</span>
          </summary>
          {made.usual.map(one)}
        </details>
      )}
    </>
  );
}

const shown = (value: Json | undefined) => (typeof value === 'string' ? value : JSON.stringify(value));

/** Which of several parameters is given: how long, or until when. */
function Either({
  props,
  chosen,
  names,
  titles,
}: {
  props: SchemaFormProps;
  chosen?: string;
  names: string[];
  titles: FieldForm[];
}) {
  const { values, onChange, disabled } = props;
  return (
    <div className={css.either}>
      <Choices
        ids={{ id: 'either', describedBy: '', invalid: false }}
        label="Which one"
        choices={names.map((name) => ({ value: name, label: titles.find((one) => one.name === name)?.title ?? name }))}
        value={chosen}
        disabled={disabled}
        onChange={(name) => {
          if (!name) return;
          const rest = Object.fromEntries(Object.entries(values).filter(([key]) => !names.includes(key)));
          const field = titles.find((one) => one.name === name);
          onChange({ [name]: field?.suggestions[0] ?? field?.placeholder ?? '', ...rest }, name);
        }}
      />
    </div>
  );
}

interface OneProps {
  field: FieldForm;
  props: SchemaFormProps;
  set: (name: string, value: Json | undefined) => void;
}

function SchemaField({ field, props, set }: OneProps) {
  const value = props.values[field.name];
  const name = `${props.at}.${field.name}`;
  const isTemplate = typeof value === 'string' && value.includes('{{');
  const switchable = field.template && (field.widget === 'choice' || field.widget === 'duration');
  const [asked, setAsked] = useState(false);
  const expression = switchable && (asked || isTemplate);
  const group = field.widget === 'keyvalue' || (field.widget === 'choice' && !expression) || Array.isArray(value);
  return (
    <Field
      name={name}
      title={field.title}
      description={field.description}
      required={field.required}
      faults={ofField(props.faults, name)}
      preview={renderedText(props.rendered, field.name, value)}
      group={group}
      beside={
        switchable && !props.disabled ? (
          <ExpressionToggle
            on={expression}
            label={field.title}
            onClick={() => {
              if (expression && isTemplate) set(field.name, undefined);
              setAsked(!expression);
            }}
          />
        ) : undefined
      }
    >
      {(ids) => <Control field={field} props={props} set={set} ids={ids} expression={expression} />}
    </Field>
  );
}

type ControlProps = OneProps & { ids: Ids; expression: boolean };

function Control(all: ControlProps) {
  const { field, props, set, ids, expression } = all;
  const value = props.values[field.name];
  const text = typeof value === 'string' ? value : undefined;
  const { disabled } = props;
  if (expression) return <Text {...all} />;
  switch (field.widget) {
    case 'choice':
      return (
        <Choices
          ids={ids}
          label={field.title}
          choices={field.choices.map((one) => ({ value: one, label: NAMES[one] ?? one }))}
          value={text}
          clearable={!field.required}
          disabled={disabled}
          onChange={(next) => set(field.name, next)}
        />
      );
    case 'duration':
      return (
        <DurationInput
          ids={ids}
          label={field.title}
          value={text}
          disabled={disabled}
          onChange={(next) => set(field.name, next)}
        />
      );
    case 'secret':
      return (
        <SecretInput
          ids={ids}
          label={field.title}
          value={text}
          placeholder={field.placeholder}
          disabled={disabled}
          onChange={(next) => set(field.name, next)}
        />
      );
    case 'keyvalue':
      return (
        <KeyValue
          ids={ids}
          label={field.title}
          value={typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}}
          suggestions={field.suggestions}
          disabled={disabled}
          input={{ variables: props.variables }}
          toText={jsonText}
          fromText={fromJsonText}
          onChange={(next) => set(field.name, next)}
        />
      );
    case 'json':
    case 'code':
      return <AnyJson {...all} />;
    default:
      return Array.isArray(value) ? <Several {...all} values={value} /> : <Text {...all} />;
  }
}

const NAMES: Record<string, string> = { email: 'Email', push: 'Push', teams: 'Teams', slack: 'Slack' };

function Text({ field, props, set, ids }: ControlProps) {
  const value = props.values[field.name];
  const text = value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value);
  return (
    <>
      <TemplateInput
        id={ids.id}
        label={field.title}
        describedBy={ids.describedBy}
        invalid={ids.invalid}
        multiline={field.widget === 'textarea'}
        placeholder={field.placeholder ?? undefined}
        variables={props.variables}
        value={text}
        disabled={props.disabled}
        autoFocus={props.autoFocus === field.name}
        onChange={(next) => set(field.name, next)}
      />
      {field.suggestions.length > 0 && !props.disabled && (
        <Suggestions values={field.suggestions} onPick={(next) => set(field.name, next)} />
      )}
    </>
  );
}

/** A list of texts, a row each. */
function Several({ field, props, set, ids, values }: ControlProps & { values: Json[] }) {
  return (
    <div className={css.several}>
      {values.map((one, index) => (
        <TemplateInput
          // biome-ignore lint/suspicious/noArrayIndexKey: a row stays the same while it is typed in
          key={index}
          id={index === 0 ? ids.id : undefined}
          label={`${field.title} ${index + 1}`}
          describedBy={ids.describedBy}
          variables={props.variables}
          value={typeof one === 'string' ? one : JSON.stringify(one)}
          disabled={props.disabled}
          onChange={(next) => {
            const changed = values.map((old, at) => (at === index ? next : old)).filter((old) => old !== '');
            set(field.name, changed.length > 0 ? changed : undefined);
          }}
        />
      ))}
      {!props.disabled && (
        <button type="button" className={css.add} onClick={() => set(field.name, [...values, ' '])}>
          Add another
        </button>
      )}
    </div>
  );
}

/** Any value, as JSON or as a text. While it is typed it stays as it is typed. */
function AnyJson({ field, props, set, ids }: ControlProps) {
  const value = props.values[field.name];
  const [typed, setTyped] = useState<string | null>(null);
  const text = typed !== null && sameJson(fromJsonText(typed), value) ? typed : jsonText(value);
  const big = field.name === 'body' || field.widget === 'code';
  return (
    <TemplateInput
      id={ids.id}
      label={field.title}
      describedBy={ids.describedBy}
      invalid={ids.invalid}
      multiline={big}
      mono={big}
      placeholder={field.placeholder ?? (big ? '{"alert": "{{alert.title}}"}' : undefined)}
      variables={props.variables}
      value={text}
      disabled={props.disabled}
      autoFocus={props.autoFocus === field.name}
      onChange={(next) => {
        setTyped(next);
        set(field.name, fromJsonText(next));
      }}
    />
  );
}

const sameJson = (a: Json | undefined, b: Json | undefined) => JSON.stringify(a) === JSON.stringify(b);
