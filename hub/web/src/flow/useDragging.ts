// Dragging a step: it goes where the nearest gap between steps is, so that the chart never gets out of order.
import type { Node } from '@xyflow/react';
import { useCallback, useMemo, useState } from 'react';
import type { Definition } from '../api/types';
import { canMove } from '../designer/model/edit';
import { atPath, type Place } from '../designer/model/tree';
import type { Act } from './acts';
import type { Layout } from './layout';

const NEAR = 150;

export function useDragging(definition: Definition, drawn: Layout, edit: boolean, onAct?: (act: Act) => void) {
  const [dragged, setDragged] = useState<{ key: string; x: number; y: number } | null>(null);
  const [target, setTarget] = useState<Place | null>(null);
  // With a finger a drag moves the chart; there are buttons to reorder with.
  const possible = useMemo(() => edit && !window.matchMedia?.('(pointer: coarse)').matches, [edit]);
  const id = dragged ? atPath(definition, dragged.key)?.step.id : undefined;

  const allowed = useCallback((place: Place) => id !== undefined && canMove(definition, id, place), [definition, id]);
  const nearest = useCallback(
    (node: Node): Place | null => {
      const step = atPath(definition, node.id)?.step.id;
      const size = drawn.boxes.find((one) => one.key === node.id);
      if (!step || !size) return null;
      const centre = { x: node.position.x + size.width / 2, y: node.position.y + size.height / 2 };
      const gaps = drawn.links.flatMap((one) => {
        if (!one.place || !one.plus || !canMove(definition, step, one.place)) return [];
        return [{ place: one.place, away: Math.hypot((one.plus.x - centre.x) * 0.7, one.plus.y - centre.y) }];
      });
      const best = gaps.sort((a, b) => a.away - b.away)[0];
      return best && best.away < NEAR ? best.place : null;
    },
    [definition, drawn],
  );

  const over = useCallback(
    (_: unknown, node: Node) => {
      setDragged({ key: node.id, ...node.position });
      setTarget(nearest(node));
    },
    [nearest],
  );
  const stop = useCallback(
    (_: unknown, node: Node) => {
      const place = nearest(node);
      setDragged(null);
      setTarget(null);
      if (place) onAct?.({ do: 'move', path: node.id, place });
    },
    [nearest, onAct],
  );
  return { dragged, target, possible, allowed, start: over, over, stop };
}
