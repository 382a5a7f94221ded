// The workflow's name and description, in place. Until somebody names it, it is called what it does.
import { type ReactNode, useRef } from 'react';
import type { Designer } from '@/designer/context';
import css from './editor.module.css';

interface Props {
  designer: Designer;
  proposed: string;
  children: ReactNode; // its state
}

export function NameField({ designer, proposed, children }: Props) {
  const { definition, change, readOnly, show, faults } = designer;
  const before = useRef<string | null>(null);
  const own = definition.name !== '';
  const invalid = faults.of('settings').some((one) => one.rest === 'name');
  return (
    <div className={css.names}>
      <h1 className={css.hidden}>{proposed || 'New workflow'}</h1>
      <input
        id="workflow-name"
        className={css.name}
        aria-label="Name of the workflow"
        aria-invalid={invalid || undefined}
        data-proposed={!own || undefined}
        value={own ? definition.name : proposed}
        placeholder="New workflow"
        maxLength={200}
        disabled={readOnly}
        spellCheck={false}
        onFocus={(event) => {
          before.current = definition.name;
          if (!own) event.target.select();
        }}
        onChange={(event) => change({ ...definition, name: event.target.value }, 'name')}
        onKeyDown={(event) => {
          if (event.key === 'Enter') event.currentTarget.blur();
          if (event.key === 'Escape') {
            if (before.current !== null) change({ ...definition, name: before.current }, 'name');
            event.currentTarget.blur();
          }
        }}
      />
      <div className={css.facts}>
        {children}
        {(definition.description || !readOnly) && (
          <button
            type="button"
            className={css.description}
            onClick={() => show({ show: 'settings', field: 'description' })}
          >
            {definition.description?.split('\n', 1)[0] || 'Add a description'}
          </button>
        )}
      </div>
    </div>
  );
}
