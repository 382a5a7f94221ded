// What the list is narrowed to; all of it stands in the address.
import { Button, NativeSelect } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { queries } from '@/api/queries';
import { Search } from '@/parts/Search';
import { humanise } from '@/parts/words';
import { type Chosen, NAMES, type Name, type RunKind } from './filters';
import css from './runs.module.css';
import { TimeRange } from './TimeRange';

interface Props {
  chosen: Chosen;
  /** The workflow is not to be chosen: the list is one workflow's. */
  fixed: boolean;
  kind: RunKind;
  onChange: (change: Partial<Record<Name, string>>) => void;
}

export function RunFilters({ chosen, fixed, kind, onChange }: Props) {
  const on = NAMES.filter((name) => chosen[name] && name !== 'status' && !(fixed && name === 'workflow'));
  return (
    <search className={css.filters} aria-label="Narrow the list">
      <Search
        className={css.search}
        label={kind === 'runs' ? 'Text in errors' : 'Text in guards’ reasons'}
        value={chosen.error ?? ''}
        onChange={(error) => onChange({ error })}
      />
      <Search
        className={css.entity}
        label="About, like device/d-17"
        value={chosen.entity ?? ''}
        onChange={(entity) => onChange({ entity: entity.trim() })}
      />
      {!fixed && <Workflows value={chosen.workflow ?? ''} onChange={(workflow) => onChange({ workflow })} />}
      {!fixed && <Triggers value={chosen.trigger ?? ''} onChange={(trigger) => onChange({ trigger })} />}
      <TimeRange chosen={chosen} onChange={onChange} />
      {on.length > 0 && (
        <Button
          variant="subtle"
          size="compact-sm"
          onClick={() => onChange(Object.fromEntries(on.map((name) => [name, ''])))}
        >
          Clear
        </Button>
      )}
    </search>
  );
}

interface ChoiceProps {
  value: string;
  onChange: (value: string) => void;
}

function Workflows({ value, onChange }: ChoiceProps) {
  const { data } = useQuery(queries.workflowNames());
  return <Choice label="Workflow" any="Any workflow" value={value} onChange={onChange} known={data ?? []} />;
}

function Triggers({ value, onChange }: ChoiceProps) {
  const { data } = useQuery(queries.catalogue());
  const known = data?.triggers.map(({ type, title }) => ({ value: type, label: title })) ?? [];
  return <Choice label="Trigger" any="Any trigger" value={value} onChange={onChange} known={known} />;
}

function Choice(props: ChoiceProps & { label: string; any: string; known: { value: string; label: string }[] }) {
  const { label, any, value, onChange, known } = props;
  const missing = value && !known.some((one) => one.value === value) ? [{ value, label: humanise(value) }] : [];
  return (
    <NativeSelect
      className={css.choice}
      aria-label={label}
      data={[{ value: '', label: any }, ...known, ...missing]}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}
