// A list to choose from by typing: the first hit is picked, so that Enter takes it; arrows go on, Escape leaves.
import { IconSearch } from '@tabler/icons-react';
import { type KeyboardEvent, type ReactNode, useEffect, useId, useMemo, useState } from 'react';
import type { Icon } from '@/flow/icons';
import css from './SearchList.module.css';
import { type Choice, type ChoiceGroup, found } from './search';

export interface SearchListProps<T> {
  groups: ChoiceGroup<T>[];
  label: string; // what is searched: Search steps
  onPick: (choice: Choice<T>) => void;
  onLeave?: () => void;
  iconOf?: (choice: Choice<T>) => Icon | undefined;
  rightOf?: (choice: Choice<T>) => ReactNode;
  nothing?: string;
  compact?: boolean;
  query?: string;
  current?: string; // the id of the one that is chosen now
  /** What was typed as a choice of its own, where it is none of these. */
  other?: (query: string) => Choice<T> | null;
}

export function SearchList<T>(props: SearchListProps<T>) {
  const { groups, label, onPick, onLeave } = props;
  const [query, setQuery] = useState(props.query ?? '');
  const [active, setActive] = useState(0);
  const id = useId();
  const shown = useMemo(() => found(groups, query), [groups, query]);
  const typed = query.trim();
  const { other: otherOf } = props;
  const other = useMemo(() => (typed && otherOf ? otherOf(typed) : null), [typed, otherOf]);
  const flat = [...shown.flatMap((group) => group.choices), ...(other ? [other] : [])];
  const picked = flat[Math.min(active, flat.length - 1)];

  const pickedId = picked ? `${id}-${picked.id}` : undefined;
  useEffect(() => {
    // The one that is picked by arrows has to be seen.
    if (pickedId) document.getElementById(pickedId)?.scrollIntoView?.({ block: 'nearest' });
  }, [pickedId]);

  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 6, PageUp: -6 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      setActive((old) => Math.max(0, Math.min(flat.length - 1, Math.min(old, flat.length - 1) + step)));
    } else if (event.key === 'Enter' && picked) {
      event.preventDefault();
      event.stopPropagation();
      onPick(picked);
    } else if (event.key === 'Escape') {
      event.stopPropagation();
      event.preventDefault();
      onLeave?.();
    }
  };

  return (
    <div className={css.search} data-compact={props.compact || undefined}>
      <div className={css.field}>
        <IconSearch size={15} aria-hidden />
        <input
          // biome-ignore lint/a11y/noAutofocus: it has just been opened to be typed in
          autoFocus
          type="text"
          role="combobox"
          aria-expanded
          aria-controls={`${id}-list`}
          aria-activedescendant={pickedId}
          aria-autocomplete="list"
          aria-label={label}
          placeholder={label}
          value={query}
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => {
            setQuery(event.target.value);
            setActive(0);
          }}
          onKeyDown={onKeyDown}
        />
      </div>
      <div id={`${id}-list`} role="listbox" aria-label={label} className={css.list}>
        {shown.map((group) => (
          // biome-ignore lint/a11y/useSemanticElements: a group of a listbox
          <div key={group.label} role="group" aria-label={group.label}>
            <div className={css.group} aria-hidden>
              {group.label}
            </div>
            {group.choices.map((choice) => (
              <Option
                key={choice.id}
                id={`${id}-${choice.id}`}
                choice={choice}
                picked={choice === picked}
                props={props}
              />
            ))}
          </div>
        ))}
        {other && <Option id={`${id}-${other.id}`} choice={other} picked={other === picked} props={props} />}
        {flat.length === 0 && (
          // biome-ignore lint/a11y/useFocusableInteractive: told, not chosen
          <div role="option" aria-selected={false} aria-disabled className={css.nothing}>
            {props.nothing ?? `Nothing is called “${query}”.`}
          </div>
        )}
      </div>
    </div>
  );
}

interface OptionProps<T> {
  id: string;
  choice: Choice<T>;
  picked: boolean;
  props: SearchListProps<T>;
}

function Option<T>({ id, choice, picked, props }: OptionProps<T>) {
  const Mark = props.iconOf?.(choice);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: keys are handled in the field
    // biome-ignore lint/a11y/useFocusableInteractive: the keyboard stays in the field
    <div
      id={id}
      role="option"
      aria-selected={picked}
      className={css.option}
      data-current={props.current === choice.id || undefined}
      onMouseDown={(event) => event.preventDefault()}
      onClick={() => props.onPick(choice)}
    >
      {Mark && (
        <span className={css.tile}>
          <Mark size={17} stroke={1.8} aria-hidden />
        </span>
      )}
      <span className={css.words}>
        <span className={css.title}>{choice.title}</span>
        {choice.hint && <span className={css.hint}>{choice.hint}</span>}
      </span>
      {props.rightOf && <span className={css.right}>{props.rightOf(choice)}</span>}
    </div>
  );
}
