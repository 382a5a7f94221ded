// A group of conditions as a box: all of them, any of them, or none.
import { Menu } from '@mantine/core';
import { IconDots, IconGripVertical, IconPlus } from '@tabler/icons-react';
import { Fragment } from 'react';
import type { Condition } from '@/api/types';
import {
  add,
  at,
  dissolve,
  group,
  inside,
  isGroup,
  isNot,
  type Route,
  remove,
  setWord,
  toggleNot,
  type Word,
  wordOf,
} from '../model/conditions';
import css from './conditions.module.css';
import { same, traceAt, useEditing } from './editing';
import { Result } from './Result';
import { RowLine } from './RowLine';

/** What stands at a route: a box for a group, a row for a comparison; a NOT around it is said on it. */
export function Node({ route }: { route: Route }) {
  const { whole } = useEditing();
  const here = at(whole, route);
  if (!here) return null;
  const inner = isNot(here) ? here.not : here;
  return isGroup(inner) || isNot(inner) ? <Box route={route} /> : <RowLine route={route} />;
}

const WORDS: { value: string; label: string; word: Word; not: boolean }[] = [
  { value: 'all', label: 'All of these', word: 'all', not: false },
  { value: 'any', label: 'Any of these', word: 'any', not: false },
  { value: 'none', label: 'None of these', word: 'any', not: true },
  { value: 'notall', label: 'Not all of these', word: 'all', not: true },
];

export function Box({ route }: { route: Route }) {
  const editing = useEditing();
  const { whole, change, disabled, target } = editing;
  const here = at(whole, route);
  if (!here) return null;
  const negated = isNot(here);
  const own: Route = negated ? [...route, 0] : route;
  const grouped = at(whole, own) as Condition;
  // NOT NOT is an odd thing to write, and is shown as what it is.
  if (isNot(grouped)) return <Doubled route={route} own={own} />;
  const rows = inside(grouped);
  const now = WORDS.find((one) => one.word === wordOf(grouped) && one.not === negated) ?? WORDS[0];
  const setWords = (value: string) => {
    const wanted = WORDS.find((one) => one.value === value);
    if (!wanted) return;
    const worded = setWord(whole, own, wanted.word);
    change(wanted.not === negated ? worded : toggleNot(worded, route));
  };
  return (
    <fieldset
      className={css.box}
      data-route={JSON.stringify(own)}
      data-dragged={same(editing.dragged, route) || undefined}
      aria-label={now?.label}
    >
      <div className={css.head}>
        {route.length > 0 && <Grip route={route} />}
        <select
          aria-label="How these are joined"
          value={now?.value}
          disabled={disabled}
          onChange={(event) => setWords(event.target.value)}
        >
          {WORDS.map((one) => (
            <option key={one.value} value={one.value}>
              {one.label}
            </option>
          ))}
        </select>
        <Result trace={traceAt(editing.trace, route)} />
        {!disabled && <BoxMenu route={route} own={own} />}
      </div>
      <div className={css.rows}>
        {rows.map((_, index) => {
          const inner = [...own, index];
          const before = target && same(target.into, own) && target.index === index;
          return (
            <Fragment key={inner.join('.')}>
              {before && <div className={css.drop} />}
              {index > 0 && <div className={css.joiner}>{wordOf(grouped) === 'all' ? 'and' : 'or'}</div>}
              <Node route={inner} />
            </Fragment>
          );
        })}
        {target && same(target.into, own) && target.index === rows.length && <div className={css.drop} />}
      </div>
      {!disabled && <Adding own={own} rows={rows.length} />}
    </fieldset>
  );
}

function Doubled({ route, own }: { route: Route; own: Route }) {
  return (
    <fieldset className={css.box} aria-label="Not" data-route={JSON.stringify(route)}>
      <div className={css.head}>
        <span>Not</span>
      </div>
      <Node route={own} />
    </fieldset>
  );
}

function Adding({ own, rows }: { own: Route; rows: number }) {
  const { whole, change, fresh } = useEditing();
  const other: Word = wordOf(at(whole, own) as Condition) === 'all' ? 'any' : 'all';
  return (
    <div className={css.more}>
      <button type="button" className={css.add} onClick={() => change(add(whole, own, rows, fresh(other === 'all')))}>
        <IconPlus size={14} aria-hidden />
        Condition
      </button>
      <button
        type="button"
        className={css.add}
        onClick={() => change(add(whole, own, rows, group(other, [fresh(other === 'any')])))}
      >
        <IconPlus size={14} aria-hidden />
        Group
      </button>
    </div>
  );
}

export function Grip({ route }: { route: Route }) {
  const { drag, shift, disabled } = useEditing();
  if (disabled) return null;
  return (
    <button
      type="button"
      className={css.grip}
      aria-label="Move: drag, or Alt and the arrow keys"
      title="Drag, or Alt+↑ and Alt+↓"
      onPointerDown={(event) => drag(event, route)}
      onKeyDown={(event) => {
        if (!event.altKey || (event.key !== 'ArrowUp' && event.key !== 'ArrowDown')) return;
        event.preventDefault();
        shift(route, event.key === 'ArrowUp' ? -1 : 1);
      }}
    >
      <IconGripVertical size={14} aria-hidden />
    </button>
  );
}

function BoxMenu({ route, own }: { route: Route; own: Route }) {
  const { whole, change, shift } = useEditing();
  const nested = route.length > 0;
  const one = inside(at(whole, own) as Condition).length === 1;
  return (
    <Menu>
      <Menu.Target>
        <button type="button" className={css.icon} aria-label="More about this group">
          <IconDots size={15} aria-hidden />
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        {nested && <Menu.Item onClick={() => shift(route, -1)}>Move up</Menu.Item>}
        {nested && <Menu.Item onClick={() => shift(route, 1)}>Move down</Menu.Item>}
        {(nested || one) && !isNot(at(whole, route) as Condition) && (
          <Menu.Item onClick={() => change(dissolve(whole, own))}>Take out of the group</Menu.Item>
        )}
        <Menu.Item color="red" onClick={() => change(remove(whole, route))}>
          {nested ? 'Remove the group' : 'Remove all'}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
