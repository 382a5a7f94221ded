// The layout of a definition, by the sizes that its cards have on the screen.
import type { NodeChange } from '@xyflow/react';
import { useCallback, useMemo, useState } from 'react';
import type { Definition } from '../api/types';
import { CARD, isSeen, type Kind, type Layout, layout, type Size } from './layout';

const FIRST: Record<Kind, Size> = {
  trigger: { width: CARD, height: 78 },
  conditions: { width: CARD, height: 62 },
  step: { width: CARD, height: 62 },
  join: { width: 6, height: 6 },
  end: { width: 76, height: 30 },
  stub: { width: 68, height: 26 },
  'add-conditions': { width: CARD, height: 38 },
  'add-step': { width: CARD, height: 56 },
};

/** Until a card is measured it has the height that most of its kind have. */
export function useLayout(definition: Definition, adding: boolean) {
  const [sizes, setSizes] = useState<ReadonlyMap<string, Size>>(new Map());
  const measured = useCallback((changes: NodeChange[]) => {
    const found = changes.flatMap((one) =>
      one.type === 'dimensions' && one.dimensions ? [[one.id, one.dimensions] as const] : [],
    );
    if (found.length === 0) return;
    setSizes((old) => {
      const changed = found.filter(
        ([id, size]) => old.get(id)?.height !== size.height || old.get(id)?.width !== size.width,
      );
      return changed.length === 0 ? old : new Map([...old, ...changed]);
    });
  }, []);
  const drawn: Layout = useMemo(
    () => layout(definition, (key, kind) => sizes.get(key) ?? FIRST[kind], adding),
    [definition, sizes, adding],
  );
  const complete = drawn.boxes.every((one) => !isSeen(one) || sizes.has(one.key));
  return { drawn, sizes, measured, complete };
}
