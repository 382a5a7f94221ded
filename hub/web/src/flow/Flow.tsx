// A definition as a flowchart: to read, with what became of each card in a run; or to edit.
import '@xyflow/react/dist/base.css';
import { Background, BackgroundVariant, ReactFlow, ReactFlowProvider, ViewportPortal } from '@xyflow/react';
import { type KeyboardEvent, useCallback, useMemo, useRef, useState } from 'react';
import type { Catalogue, Definition } from '../api/types';
import type { Place } from '../designer/model/tree';
import { type Act, actOf, neighbourOf } from './acts';
import { Controls } from './Controls';
import { nameOf } from './faces';
import classes from './flow.module.css';
import type { Link } from './layout';
import { nodeTypes, useNodes } from './nodes';
import type { FlowStatus } from './status';
import { taken } from './status';
import { useDragging } from './useDragging';
import { useLayout } from './useLayout';
import { useView } from './useView';
import { Wires } from './Wires';

export interface FlowProps {
  definition: Definition;
  catalogue?: Catalogue | null;
  /** By step path, and 'trigger', 'conditions', 'end': what became of it. Without it nothing is lit. */
  status?: FlowStatus | null;
  /** By the same keys: how many things are wrong with it. */
  faults?: Record<string, number>;
  warnings?: Record<string, number>;
  selected?: string | null;
  onSelect?: (key: string | null) => void;
  /** What is pointed at elsewhere, so that it is lit here; and what is pointed at here. */
  highlight?: string | null;
  onHover?: (key: string | null) => void;
  mode?: 'read' | 'edit';
  onAct?: (act: Act) => void;
  /** Where a step is being added. */
  picked?: Place | null;
  label?: string;
}

/** The flowchart. It takes the size of what is around it. */
export function Flow(props: FlowProps) {
  return (
    <ReactFlowProvider>
      <Canvas {...props} />
    </ReactFlowProvider>
  );
}

const NO_EDGES: never[] = [];
/** So many pixels a hand moves the mouse while it clicks; whatever moves further drags. */
const UNSTEADY = 4;

function Canvas(props: FlowProps) {
  const { definition, catalogue = null, status = null, selected = null, onSelect, onAct, picked = null } = props;
  const edit = props.mode === 'edit';
  const ground = useRef<HTMLDivElement>(null);
  const { drawn, sizes, measured, complete } = useLayout(definition, edit);
  const lit = useMemo(() => (status ? taken(definition, drawn, status) : null), [definition, drawn, status]);
  const view = useView(ground, drawn, complete, selected);
  const dragging = useDragging(definition, drawn, edit, onAct);
  const [hovered, setHovered] = useState<string | null>(null);
  const onKey = useKeys(
    props,
    drawn.boxes.filter((one) => drawn.order.includes(one.key)),
    view.show,
  );

  const hover = props.onHover;
  const onHover = useCallback(
    (key: string | null) => {
      setHovered(key);
      hover?.(key);
    },
    [hover],
  );
  const nodes = useNodes({
    ...props,
    catalogue,
    drawn,
    sizes,
    hovered: props.highlight ?? hovered,
    dragged: dragging.dragged,
    movable: edit && dragging.possible,
    onHover,
    onKey,
    onAct,
  });
  const names = useCallback(
    (link: Link) => {
      const from = drawn.boxes.find((one) => one.key === link.from);
      const way = link.label ? `, where ${link.label}` : '';
      return `after ${nameOf(definition, from, catalogue) || 'the branch'}${way}`;
    },
    [definition, drawn, catalogue],
  );
  const onInsert = useMemo(
    () => (edit && onAct ? (place: Place) => onAct({ do: 'insert', place }) : undefined),
    [edit, onAct],
  );

  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for forms
    <div
      ref={ground}
      className={classes.flow}
      role="group"
      aria-label={props.label ?? `Flowchart of ${definition.name || 'the workflow'}`}
      data-mode={edit ? 'edit' : 'read'}
      data-placed={view.placed}
    >
      <ReactFlow
        nodes={nodes}
        edges={NO_EDGES}
        nodeTypes={nodeTypes}
        onNodesChange={measured}
        onNodeDragStart={dragging.start}
        onNodeDrag={dragging.over}
        onNodeDragStop={dragging.stop}
        onPaneClick={() => onSelect?.(null)}
        onMove={view.moved}
        nodesConnectable={false}
        nodesFocusable={false}
        edgesFocusable={false}
        elementsSelectable={false}
        nodeDragThreshold={UNSTEADY}
        nodeClickDistance={UNSTEADY}
        paneClickDistance={UNSTEADY}
        disableKeyboardA11y
        deleteKeyCode={null}
        selectionKeyCode={null}
        multiSelectionKeyCode={null}
        zoomOnDoubleClick={false}
        panOnScroll
        minZoom={0.2}
        maxZoom={1.5}
      >
        <Background variant={BackgroundVariant.Dots} gap={22} size={1.4} className={classes.dots} />
        <ViewportPortal>
          <Wires
            links={drawn.links}
            width={drawn.width}
            height={drawn.height}
            taken={lit}
            names={names}
            onInsert={onInsert}
            picked={picked}
            target={dragging.target}
            dragging={dragging.dragged !== null}
            hole={dragging.dragged ? (drawn.boxes.find((one) => one.key === dragging.dragged?.key) ?? null) : null}
            allowed={dragging.allowed}
          />
        </ViewportPortal>
        <Controls onFit={view.fit} />
      </ReactFlow>
    </div>
  );
}

const ARROWS = new Set(['ArrowUp', 'ArrowDown', 'ArrowLeft', 'ArrowRight']);

/** What keys do on a card: arrows walk, Enter selects, and the rest is the designer's. */
function useKeys(
  props: FlowProps,
  cards: { key: string; x: number; y: number; width: number }[],
  show: (key: string) => void,
) {
  const { mode, onSelect, onAct } = props;
  return (event: KeyboardEvent, key: string) => {
    if (ARROWS.has(event.key) && !event.altKey && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      const next = neighbourOf(key, event.key, cards);
      if (!next) return;
      document.querySelector<HTMLElement>(`[data-card="${CSS.escape(next)}"]`)?.focus({ preventScroll: true });
      show(next);
      return;
    }
    const act = actOf(event, key);
    if (!act) return;
    if (mode === 'edit' && onAct) {
      event.preventDefault();
      event.stopPropagation();
      onAct(act);
    } else if (act.do === 'edit') {
      event.preventDefault();
      onSelect?.(key);
    }
  };
}
