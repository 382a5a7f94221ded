// Dragging a row or a group of a condition by its grip to another place, in its own group or any other.
import { type PointerEvent, useCallback, useEffect, useRef, useState } from 'react';
import type { Condition } from '@/api/types';
import { at, inside, isGroup, move, type Route } from '../model/conditions';

export interface Target {
  into: Route;
  index: number;
}

export function useRowDrag(whole: Condition | null, change: (next: Condition) => void) {
  const [dragged, setDragged] = useState<Route | null>(null);
  const [target, setTarget] = useState<Target | null>(null);
  const now = useRef({ dragged, target, whole });
  now.current = { dragged, target, whole };

  const drag = useCallback((event: PointerEvent, route: Route) => {
    if (event.button !== 0) return;
    event.preventDefault();
    setDragged(route);
  }, []);

  useEffect(() => {
    if (!dragged) return;
    const over = (event: globalThis.PointerEvent) =>
      setTarget(targetAt(event.clientX, event.clientY, now.current.whole));
    const stop = () => {
      const { dragged: from, target: to, whole: tree } = now.current;
      if (from && to && tree) change(move(tree, from, to.into, to.index));
      setDragged(null);
      setTarget(null);
    };
    const leave = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return;
      event.stopPropagation();
      setDragged(null);
      setTarget(null);
    };
    window.addEventListener('pointermove', over);
    window.addEventListener('pointerup', stop);
    window.addEventListener('pointercancel', stop);
    window.addEventListener('keydown', leave, true);
    return () => {
      window.removeEventListener('pointermove', over);
      window.removeEventListener('pointerup', stop);
      window.removeEventListener('pointercancel', stop);
      window.removeEventListener('keydown', leave, true);
    };
  }, [dragged, change]);

  return { dragged, target, drag };
}

/** Before or behind the row that is pointed at; in a group's head, before its first row. */
function targetAt(x: number, y: number, whole: Condition | null): Target | null {
  const element = document.elementFromPoint(x, y)?.closest<HTMLElement>('[data-route]');
  if (!element || !whole) return null;
  const route = JSON.parse(element.dataset.route ?? '[]') as number[];
  const box = element.getBoundingClientRect();
  const here = at(whole, route);
  if (here && isGroup(here) && y < box.top + 36) return { into: route, index: 0 };
  if (here && isGroup(here)) return { into: route, index: inside(here).length };
  const parent = parentGroup(whole, route);
  if (!parent) return null;
  return { into: parent.into, index: parent.index + (y > box.top + box.height / 2 ? 1 : 0) };
}

/** The group that a row stands in, and where: a NOT around it goes along with it. */
export function parentGroup(whole: Condition, route: Route): Target | null {
  for (let depth = route.length - 1; depth >= 0; depth -= 1) {
    const into = route.slice(0, depth);
    const above = at(whole, into);
    if (above && isGroup(above)) return { into, index: route[depth] as number };
  }
  return null;
}
