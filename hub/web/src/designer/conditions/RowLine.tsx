// One comparison: field, operator, value; below it what the event has, and whether it holds.
import { Menu } from '@mantine/core';
import { IconDots } from '@tabler/icons-react';
import type { Json, Leaf } from '@/api/types';
import { ofField, type Told } from '../faults';
import { add, at, enclose, fieldOf, isNot, type Route, remove, replace, toggleNot } from '../model/conditions';
import { isPath, loneExpression, MISSING } from '../model/scope';
import { actualOf } from '../preview';
import { findVariable, shortly } from '../variables/variables';
import { Grip } from './Box';
import css from './conditions.module.css';
import { same, traceAt, useEditing } from './editing';
import { FieldPicker } from './FieldPicker';
import { Result } from './Result';
import { comparisonOf, comparisons, firstValue, withComparison, withField } from './rows';
import { parentGroup } from './useRowDrag';
import { ValueEditor } from './ValueEditor';

export function RowLine({ route }: { route: Route }) {
  const editing = useEditing();
  const { whole, change, variables, operators, disabled } = editing;
  const here = at(whole, route);
  if (!here) return null;
  const negated = isNot(here);
  const own: Route = negated ? [...route, 0] : route;
  const leaf = at(whole, own) as Leaf;
  const path = loneExpression(leaf.field) ?? leaf.field;
  const info = isPath(path) ? findVariable(variables, path) : undefined;
  const offered = comparisons(operators, info?.type);
  const chosen = comparisons(operators, undefined).find((one) => one.id === comparisonOf(leaf));
  const shown = chosen && !offered.some((one) => one.id === chosen.id) ? [...offered, chosen] : offered;
  const name = [editing.at, fieldOf(whole, own)].filter(Boolean).join('.');
  // A condition of one row alone has no name of its own in the workflow's conditions.
  const faults = name ? ofField(editing.faults, name) : editing.faults;
  const set = (next: Leaf, mark?: string) => change(replace(whole, own, next), mark);
  const invalid = (part: string) =>
    faults.some((one) => one.kind !== 'warning' && (one.rest.endsWith(part) || one.rest === name));
  const label = info?.title ?? path;
  return (
    <div
      className={css.row}
      data-route={JSON.stringify(own)}
      data-dragged={same(editing.dragged, route) || undefined}
      data-field={name || 'whole'}
    >
      <div className={css.line}>
        {parentGroup(whole, route) && <Grip route={route} />}
        {negated && (
          <button
            type="button"
            className={css.not}
            title="Take the NOT away"
            aria-label="Not. Take the NOT away"
            disabled={disabled}
            onClick={() => change(toggleNot(whole, route))}
          >
            not
          </button>
        )}
        <FieldPicker
          field={path}
          variables={variables}
          label="Field"
          invalid={invalid('field')}
          disabled={disabled}
          onPick={(picked, variable) => set(withField(leaf, picked, variable, variable?.now, operators))}
        />
        <select
          aria-label={`Comparison of ${label}`}
          value={chosen?.id}
          disabled={disabled}
          onChange={(event) => {
            const to = shown.find((one) => one.id === event.target.value);
            if (to) set(withComparison(leaf, to, firstValue(info, info?.now)));
          }}
        >
          {shown.map((one) => (
            <option key={one.id} value={one.id}>
              {one.title}
            </option>
          ))}
        </select>
        <ValueEditor
          key={`${path}${leaf.op}`}
          leaf={leaf}
          compared={chosen?.compared ?? 'one'}
          info={info}
          variables={variables}
          label={`Value that ${label} is compared with`}
          invalid={invalid('value')}
          disabled={disabled}
          onChange={(value: Json, typing) => set({ ...leaf, value }, typing ? `${name}.value` : undefined)}
        />
        {!disabled && <RowMenu route={route} leaf={leaf} own={own} />}
      </div>
      <Under route={route} own={own} leaf={leaf} faults={faults} name={name} />
    </div>
  );
}

interface UnderProps {
  route: Route;
  own: Route;
  leaf: Leaf;
  faults: Told[];
  name: string;
}

/** What the event has there, and whether that is enough. */
function Under({ route, own, leaf, faults, name }: UnderProps) {
  const { trace, event } = useEditing();
  const told = traceAt(trace, own);
  // A trace is of the row as it was asked: another field's says nothing of this one.
  const fresh = told?.field === leaf.field && told.op === leaf.op;
  const found = fresh ? (told.missing ? MISSING : told.actual) : actualOf(leaf.field, event);
  return (
    <>
      {leaf.field !== '' && found !== undefined && (
        <div className={css.under}>
          <span className={css.actual} data-missing={found === MISSING || undefined}>
            {found === MISSING ? 'This event has none' : `now ${shortly(found as Json, 48)}`}
          </span>
          {fresh && told.note && <span>· {told.note}</span>}
          {fresh && <Result trace={traceAt(trace, route)} />}
        </div>
      )}
      {faults.map((one) => (
        <div key={`${one.field}${one.reason}`} className={css.fault} data-kind={one.kind}>
          {one.rest.replace(name, '').replace(/^\./, '')} {one.reason}
        </div>
      ))}
    </>
  );
}

function RowMenu({ route, own, leaf }: { route: Route; own: Route; leaf: Leaf }) {
  const { whole, change, shift, fresh } = useEditing();
  const here = parentGroup(whole, route);
  return (
    <Menu>
      <Menu.Target>
        <button
          type="button"
          className={css.icon}
          aria-label={`More about this condition${leaf.field ? ` on ${leaf.field}` : ''}`}
        >
          <IconDots size={15} aria-hidden />
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => change(toggleNot(whole, route))}>
          {route === own ? 'Not this' : 'Take the NOT away'}
        </Menu.Item>
        <Menu.Item onClick={() => change(replace(whole, own, { ...leaf, case_sensitive: !leaf.case_sensitive }))}>
          {leaf.case_sensitive ? 'Any case of letters' : 'Same case of letters'}
        </Menu.Item>
        {here && <Menu.Item onClick={() => shift(route, -1)}>Move up</Menu.Item>}
        {here && <Menu.Item onClick={() => shift(route, 1)}>Move down</Menu.Item>}
        <Menu.Item onClick={() => change(enclose(whole, route, 'any', [fresh(true)]))}>Put in a group</Menu.Item>
        {here && (
          <Menu.Item
            onClick={() => change(add(whole, here.into, here.index + 1, at(whole, [...here.into, here.index]) ?? leaf))}
          >
            Copy
          </Menu.Item>
        )}
        <Menu.Item color="red" onClick={() => change(remove(whole, route))}>
          Remove
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
