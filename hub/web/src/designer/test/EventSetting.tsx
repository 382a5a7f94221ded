// What the test is made with: an event, some of its fields changed, what fails, and what else happens meanwhile.
import { NativeSelect } from '@mantine/core';
import { IconX } from '@tabler/icons-react';
import { useMemo, useState } from 'react';
import type { Json } from '@/api/types';
import { stepTitle } from '@/flow/sentences';
import { FieldPicker } from '../conditions/FieldPicker';
import { typedValue, valueText } from '../conditions/rows';
import { useDesigner } from '../context';
import { DurationInput } from '../form/controls';
import { everyStep, isAction } from '../model/tree';
import { PreviewPicker } from '../panel/PreviewPicker';
import { findVariable, type Variable, variablesOf } from '../variables/variables';
import test from './test.module.css';
import { FAILINGS, type Failing, fieldsLookedAt, type Setting } from './trial';

interface Props {
  setting: Setting;
  onChange: (setting: Setting) => void;
}

export function EventSetting({ setting, onChange }: Props) {
  const changed = Object.keys(setting.changes).length;
  const failing = Object.values(setting.failing).filter((one) => one !== 'fine').length;
  return (
    <div>
      <PreviewPicker label="Event" />
      <details className={test.fold}>
        <summary>Change its values {changed > 0 && <b>{changed} changed</b>}</summary>
        <Values setting={setting} onChange={onChange} />
      </details>
      <details className={test.fold}>
        <summary>Have calls fail {failing > 0 && <b>{failing} of them</b>}</summary>
        <Failures setting={setting} onChange={onChange} />
      </details>
      <details className={test.fold}>
        <summary>Meanwhile … {setting.signals.length > 0 && <b>{setting.signals.length}</b>}</summary>
        <Signals setting={setting} onChange={onChange} />
      </details>
    </div>
  );
}

/** The fields that the workflow looks at, and any other. */
function Values({ setting, onChange }: Props) {
  const { definition, catalogue, event } = useDesigner();
  const variables = useMemo(() => variablesOf(definition, 'trigger', catalogue, event), [definition, catalogue, event]);
  const [more, setMore] = useState<string[]>([]);
  const paths = [...new Set([...fieldsLookedAt(definition), ...more, ...Object.keys(setting.changes)])];
  const set = (path: string, value: Json | undefined) => {
    const { [path]: _, ...rest } = setting.changes;
    onChange({ ...setting, changes: value === undefined ? rest : { ...rest, [path]: value } });
  };
  return (
    <div className={test.values}>
      {paths.map((path) => (
        <Value
          key={path}
          path={path}
          variable={findVariable(variables, path)}
          changed={setting.changes[path]}
          onChange={(value) => set(path, value)}
        />
      ))}
      <FieldPicker
        field=""
        label="Another field"
        variables={variables}
        invalid={false}
        disabled={false}
        onPick={(path) => setMore((old) => [...old, path])}
      />
    </div>
  );
}

interface ValueProps {
  path: string;
  variable: Variable | undefined;
  changed: Json | undefined;
  onChange: (value: Json | undefined) => void;
}

function Value({ path, variable, changed, onChange }: ValueProps) {
  const label = variable?.title ?? path;
  const now = changed !== undefined ? changed : variable?.now;
  const choices = variable?.type === 'boolean' ? ['true', 'false'] : variable?.choices;
  const read = (text: string): Json =>
    variable?.type === 'boolean' ? text === 'true' : typedValue(text, variable?.type);
  return (
    <div className={test.value} data-changed={changed !== undefined || undefined}>
      <label htmlFor={`value-${path}`} title={path}>
        {label}
      </label>
      {choices ? (
        <select id={`value-${path}`} value={valueText(now)} onChange={(event) => onChange(read(event.target.value))}>
          {now === undefined && <option value="">not there</option>}
          {now !== undefined && !choices.includes(valueText(now)) && (
            <option value={valueText(now)}>{valueText(now)}</option>
          )}
          {choices.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      ) : (
        <input
          id={`value-${path}`}
          value={valueText(now)}
          placeholder="not there"
          onChange={(event) => onChange(read(event.target.value))}
        />
      )}
      {changed !== undefined ? (
        <button type="button" aria-label={`${label} as it was`} title="As it was" onClick={() => onChange(undefined)}>
          <IconX size={14} aria-hidden />
        </button>
      ) : (
        <span />
      )}
    </div>
  );
}

function Failures({ setting, onChange }: Props) {
  const { definition, catalogue } = useDesigner();
  const actions = everyStep(definition.steps).filter((one) => isAction(one.step) && one.step.action !== 'delay');
  if (actions.length === 0) return <p className={test.soft}>There is no action yet.</p>;
  return (
    <div className={test.values}>
      {actions.map(({ step, path }) => (
        <div key={path} className={test.value}>
          <label htmlFor={`fail-${path}`}>{stepTitle(step, catalogue)}</label>
          <select
            id={`fail-${path}`}
            value={setting.failing[path] ?? 'fine'}
            onChange={(event) =>
              onChange({ ...setting, failing: { ...setting.failing, [path]: event.target.value as Failing } })
            }
          >
            {FAILINGS.map((one) => (
              <option key={one.value} value={one.value}>
                {one.label}
              </option>
            ))}
          </select>
          <span />
        </div>
      ))}
    </div>
  );
}

/** Events that arrive while the run goes on: those that cancel or restart it first of all. */
function Signals({ setting, onChange }: Props) {
  const { definition, catalogue } = useDesigner();
  const own = [...(definition.cancel_on ?? []), ...(definition.restart_on ?? [])].map((one) => one.type);
  const types = [...new Set([...own, ...catalogue.triggers.map((one) => one.type)])];
  const put = (signals: Setting['signals']) => onChange({ ...setting, signals });
  return (
    <div className={test.values}>
      {setting.signals.map((signal, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: two may be the same
        <div key={index} className={test.signal}>
          <NativeSelect
            size="xs"
            aria-label="Event that arrives"
            value={signal.type}
            data={types.map((type) => ({
              value: type,
              label: catalogue.triggers.find((one) => one.type === type)?.title ?? type,
            }))}
            onChange={(event) =>
              put(setting.signals.map((one, at) => (at === index ? { ...one, type: event.target.value } : one)))
            }
          />
          <span>after</span>
          <DurationInput
            ids={{ id: `after-${index}`, describedBy: '', invalid: false }}
            label="After"
            value={signal.after}
            onChange={(after) =>
              put(setting.signals.map((one, at) => (at === index ? { ...one, after: after ?? '' } : one)))
            }
          />
          <button
            type="button"
            aria-label="Remove this event"
            onClick={() => put(setting.signals.filter((_, at) => at !== index))}
          >
            <IconX size={14} aria-hidden />
          </button>
        </div>
      ))}
      <button
        type="button"
        className={test.quiet}
        onClick={() => types[0] && put([...setting.signals, { type: types[0], after: '5m' }])}
      >
        + An event about the same {definition.trigger?.type.split('.')[0] ?? 'entity'} arrives
      </button>
    </div>
  );
}
