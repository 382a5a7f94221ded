// A condition as a tree that is edited: its groups and rows are found by the numbers of the children on the way to them.

import type { Condition, Leaf } from '../../api/types';

export type Word = 'all' | 'any';
export type Route = readonly number[];

export const isAll = (condition: Condition): condition is { all: Condition[] } => 'all' in condition;
export const isAny = (condition: Condition): condition is { any: Condition[] } => 'any' in condition;
export const isNot = (condition: Condition): condition is { not: Condition } => 'not' in condition;
export const isLeaf = (condition: Condition): condition is Leaf =>
  !isAll(condition) && !isAny(condition) && !isNot(condition);
export const isGroup = (condition: Condition): boolean => isAll(condition) || isAny(condition);

export const group = (word: Word, inner: Condition[]): Condition => (word === 'all' ? { all: inner } : { any: inner });
export const wordOf = (condition: Condition): Word => (isAny(condition) ? 'any' : 'all');

export function inside(condition: Condition): Condition[] {
  if (isAll(condition)) return condition.all;
  if (isAny(condition)) return condition.any;
  return isNot(condition) ? [condition.not] : [];
}

/** The same group or negation around other conditions. */
function around(condition: Condition, inner: Condition[]): Condition {
  if (isNot(condition)) return { not: inner[0] as Condition };
  return group(wordOf(condition), inner);
}

export function at(condition: Condition, route: Route): Condition | undefined {
  return route.reduce<Condition | undefined>((here, index) => here && inside(here)[index], condition);
}

/** Every leaf with the way to it. */
export function leaves(condition: Condition, route: Route = []): { leaf: Leaf; route: Route }[] {
  if (isLeaf(condition)) return [{ leaf: condition, route }];
  return inside(condition).flatMap((one, index) => leaves(one, [...route, index]));
}

/** As faults name the place: any[0].not.field is [0, 0]'s field. */
export function fieldOf(condition: Condition, route: Route): string {
  const [index, ...rest] = route;
  if (index === undefined) return '';
  const step = isNot(condition) ? 'not' : `${wordOf(condition)}[${index}]`;
  const next = inside(condition)[index];
  const below = next ? fieldOf(next, rest) : '';
  return below ? `${step}.${below}` : step;
}

/** The condition with what stands at the route replaced; null takes it out, and each group that is empty then. */
export function replace(condition: Condition, route: Route, next: Condition | null): Condition | null {
  const [index, ...rest] = route;
  if (index === undefined) return next;
  const inner = inside(condition);
  const child = inner[index];
  if (!child) return condition;
  const made = replace(child, rest, next);
  if (made === child) return condition;
  const list = made
    ? inner.map((one, number) => (number === index ? made : one))
    : inner.filter((_, number) => number !== index);
  return list.length > 0 ? around(condition, list) : null;
}

/** The condition with another put into a group, before what stands at `index`. */
export function add(condition: Condition, route: Route, index: number, added: Condition): Condition {
  const here = at(condition, route);
  if (!here) return condition;
  if (!isGroup(here)) return replace(condition, route, { all: [here, added] }) as Condition;
  const inner = inside(here);
  const next = group(wordOf(here), [...inner.slice(0, index), added, ...inner.slice(index)]);
  return replace(condition, route, next) as Condition;
}

export function remove(condition: Condition, route: Route): Condition | null {
  return replace(condition, route, null);
}

export function setWord(condition: Condition, route: Route, word: Word): Condition {
  const here = at(condition, route);
  if (!here || !isGroup(here)) return condition;
  return replace(condition, route, group(word, inside(here))) as Condition;
}

/** The condition with a NOT before what stands there, or without the one that stands there. */
export function toggleNot(condition: Condition, route: Route): Condition {
  const here = at(condition, route);
  if (!here) return condition;
  return replace(condition, route, isNot(here) ? here.not : { not: here }) as Condition;
}

/** A row, or anything, as the first in a group of its own, with another behind it. */
export function enclose(condition: Condition, route: Route, word: Word, also: Condition[] = []): Condition {
  const here = at(condition, route);
  if (!here) return condition;
  return replace(condition, route, group(word, [here, ...also])) as Condition;
}

/** What is in a group as rows of the group around it; a group of one becomes that one. */
export function dissolve(condition: Condition, route: Route): Condition {
  const here = at(condition, route);
  if (!here || !isGroup(here)) return condition;
  const inner = inside(here);
  if (inner.length === 1) return replace(condition, route, inner[0] as Condition) as Condition;
  const index = route[route.length - 1];
  const above = at(condition, route.slice(0, -1));
  if (index === undefined || !above || !isGroup(above)) return condition;
  const list = inside(above).flatMap((one, number) => (number === index ? inner : [one]));
  return replace(condition, route.slice(0, -1), group(wordOf(above), list)) as Condition;
}

const begins = (route: Route, prefix: Route) => prefix.every((index, number) => route[number] === index);

/** The condition with a row or group moved into a group, before what stands at `index` there. */
export function move(condition: Condition, from: Route, into: Route, index: number): Condition {
  const moved = at(condition, from);
  const target = at(condition, into);
  if (!moved || !target || !isGroup(target) || from.length === 0 || begins(into, from)) return condition;
  const parent = from.slice(0, -1);
  const old = from[from.length - 1] as number;
  if (parent.length === into.length && begins(into, parent) && (index === old || index === old + 1)) return condition;
  // Put in first and taken out after, so that a group that gets empty does not vanish with the target in it.
  const put = add(condition, into, index, moved);
  const shifted = shift(from, into, index);
  return remove(put, shifted) ?? condition;
}

/** Where a route leads after something was put into a group at `index`. */
function shift(route: Route, into: Route, index: number): Route {
  const here = route[into.length];
  if (here === undefined || !begins(route, into) || here < index) return route;
  return [...route.slice(0, into.length), here + 1, ...route.slice(into.length + 1)];
}
