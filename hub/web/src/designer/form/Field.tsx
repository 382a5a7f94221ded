// One field of a form: its name, its control, what it means, what it comes to, and what is wrong with it.
import { IconAlertCircle, IconArrowNarrowRight } from '@tabler/icons-react';
import { type ReactNode, useId } from 'react';
import type { Told } from '../faults';
import css from './Field.module.css';

export interface FieldProps {
  name: string; // where it stands on its card: with.title. A fault leads here by it
  title: string;
  description?: string | null;
  required?: boolean;
  faults?: Told[];
  preview?: { text: string; missing?: boolean } | null;
  beside?: ReactNode;
  group?: boolean; // several controls under one name
  children: (ids: { id: string; describedBy: string; invalid: boolean }) => ReactNode;
}

export function Field({
  name,
  title,
  description,
  required,
  faults = [],
  preview,
  beside,
  group,
  children,
}: FieldProps) {
  const id = useId();
  const describedBy = `${id}-told`;
  const invalid = faults.some((one) => one.kind !== 'warning');
  const Label = group ? 'span' : 'label';
  return (
    <div
      className={css.field}
      data-field={name}
      data-required={required || undefined}
      {...(group && { role: 'group', 'aria-labelledby': `${id}-label` })}
    >
      <div className={css.head}>
        <Label id={`${id}-label`} className={css.label} {...(group ? {} : { htmlFor: id })}>
          {title}
          {required && (
            <span className={css.required} title="Required">
              {' '}
              *
            </span>
          )}
        </Label>
        {beside}
      </div>
      {children({ id, describedBy, invalid })}
      <div id={describedBy} className={css.told}>
        {preview && (
          <div className={css.preview} data-missing={preview.missing || undefined}>
            <IconArrowNarrowRight size={14} aria-hidden />
            <span className={css.hidden}>Comes to: </span>
            <span>{preview.text}</span>
          </div>
        )}
        {faults.map((one) => (
          <div key={`${one.field}${one.reason}`} className={css.fault} data-kind={one.kind}>
            <IconAlertCircle size={14} aria-hidden />
            <span>{sayFault(one, name)}</span>
          </div>
        ))}
        {description && <div className={css.description}>{description}</div>}
      </div>
    </div>
  );
}

/** The Hub's words, with the place inside the field where it is not the field itself. */
function sayFault(told: Told, name: string): string {
  const inner = told.rest.startsWith(name) ? told.rest.slice(name.length).replace(/^\./, '') : '';
  const said = inner ? `${inner}: ${told.reason}` : told.reason;
  return said.charAt(0).toUpperCase() + said.slice(1);
}
