// The field that a row compares: chosen from what the trigger offers, or typed as a path or an expression.
import { Popover } from '@mantine/core';
import { IconSelector } from '@tabler/icons-react';
import { useMemo, useRef, useState } from 'react';
import { SearchList } from '../picker/SearchList';
import type { Choice } from '../picker/search';
import { asChoices, findVariable, shortly, type Variable, type VariableGroup } from '../variables/variables';
import css from './conditions.module.css';

interface Props {
  field: string;
  variables: VariableGroup[];
  label: string;
  invalid: boolean;
  disabled: boolean;
  autoOpen?: boolean;
  onPick: (path: string, variable: Variable | undefined) => void;
}

const OWN = /^(\{\{.*\}\}|[A-Za-z_][\w.[\]-]*)$/;

export function FieldPicker({ field, variables, label, invalid, disabled, autoOpen, onPick }: Props) {
  const [open, setOpen] = useState(Boolean(autoOpen));
  const button = useRef<HTMLButtonElement>(null);
  const groups = useMemo(() => asChoices(variables), [variables]);
  const known = findVariable(variables, field);
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  const other = useMemo(
    () =>
      (query: string): Choice<Variable> | null => {
        if (!OWN.test(query) || findVariable(variables, query)) return null;
        const value = {
          path: query,
          title: query,
          type: 'any',
          choices: null,
          sample: null,
          description: null,
          may: true,
          now: undefined,
        } as Variable;
        return { id: query, title: `Use ${query}`, hint: 'A path that is not in the list', value };
      },
    [variables],
  );
  return (
    <Popover opened={open} onChange={setOpen} position="bottom-start" width={320} offset={4}>
      <Popover.Target>
        <button
          ref={button}
          type="button"
          className={css.field}
          data-invalid={invalid || undefined}
          data-empty={field === '' || undefined}
          aria-label={`${label}: ${known?.title ?? (field || 'none chosen')}`}
          aria-haspopup="listbox"
          aria-expanded={open}
          title={field}
          disabled={disabled}
          onClick={() => setOpen((old) => !old)}
        >
          <span>{known?.title ?? (field || (label === 'Field' ? 'Choose a field' : label))}</span>
          <IconSelector size={14} aria-hidden />
        </button>
      </Popover.Target>
      <Popover.Dropdown p={0}>
        <div className={css.pick}>
          <SearchList
            compact
            groups={groups}
            label="Search fields"
            current={field}
            other={other}
            onLeave={close}
            rightOf={(choice) => shortly(choice.value.now, 24)}
            onPick={(choice) => {
              onPick(choice.id, findVariable(variables, choice.id));
              close();
            }}
          />
        </div>
      </Popover.Dropdown>
    </Popover>
  );
}
