// The boxes of a layout as React Flow's nodes.
import type { Node, NodeProps } from '@xyflow/react';
import { type KeyboardEvent, useMemo, useRef } from 'react';
import type { Catalogue } from '../api/types';
import { isBranch, standing } from '../designer/model/tree';
import { Card, type CardProps } from './Card';
import type { FlowProps } from './Flow';
import { faceOf } from './faces';
import classes from './flow.module.css';
import { addIcon as AddIcon, conditionsIcon as ConditionsIcon, endIcon as EndIcon, STATES } from './icons';
import { type Box, isSeen, type Layout, type Size } from './layout';
import type { CardStatus } from './status';

type Small = {
  text: string;
  status?: CardStatus | undefined;
  onClick?: (() => void) | undefined;
  label?: string;
  focusable?: boolean;
};
type CardNode = Node<{ card: CardProps }, 'card'>;
type SmallNode = Node<Small, 'end' | 'stub' | 'add-conditions' | 'add-step'>;
type AnyNode = CardNode | SmallNode;

function End({ data }: NodeProps<SmallNode>) {
  return (
    <div className={classes.end} data-tone={data.status ? STATES[data.status.state].tone : undefined}>
      <EndIcon size={14} aria-hidden />
      End
    </div>
  );
}

function Stub({ data }: NodeProps<SmallNode>) {
  return (
    <div className={classes.stub} data-lit={data.status?.state === 'false' || undefined}>
      {data.text}
    </div>
  );
}

function Adding({ data, type }: NodeProps<SmallNode>) {
  const Mark = type === 'add-step' ? AddIcon : ConditionsIcon;
  return (
    <button
      type="button"
      className={`${classes.adding} nopan nodrag`}
      data-kind={type}
      data-card={type}
      onClick={data.onClick}
    >
      <Mark size={15} aria-hidden />
      {data.text}
    </button>
  );
}

export const nodeTypes = {
  card: ({ data }: NodeProps<CardNode>) => <Card {...data.card} />,
  end: End,
  stub: Stub,
  'add-conditions': Adding,
  'add-step': Adding,
};

interface Drawn extends FlowProps {
  drawn: Layout;
  sizes: ReadonlyMap<string, Size>;
  catalogue: Catalogue | null;
  hovered: string | null;
  dragged: { key: string; x: number; y: number } | null;
  movable: boolean;
  onHover: (key: string | null) => void;
  onKey: (event: KeyboardEvent, key: string) => void;
}

export function useNodes(props: Drawn): AnyNode[] {
  const { drawn, sizes, dragged, movable } = props;
  // The card that Tab comes to: the selected one, else the last that had the focus, else the first.
  const last = useRef<string | null>(null);
  if (props.selected && drawn.order.includes(props.selected)) last.current = props.selected;
  else if (props.hovered && document.activeElement?.getAttribute('data-card') === props.hovered)
    last.current = props.hovered;
  const tab = last.current && drawn.order.includes(last.current) ? last.current : drawn.order[0];
  const parts = useStable(props);
  return useMemo(
    () =>
      drawn.boxes.filter(isSeen).map((box): AnyNode => {
        const moving = dragged?.key === box.key ? dragged : null;
        const size = sizes.get(box.key);
        const base = {
          id: box.key,
          position: moving ? { x: moving.x, y: moving.y } : { x: box.x, y: box.y },
          draggable: movable && box.kind === 'step',
          measured: size ? { ...size } : undefined,
          // Cards are the ones to tell what they are; their wrappers say nothing.
          domAttributes: { 'aria-roledescription': undefined },
          className: moving ? classes.moving : undefined,
          zIndex: moving ? 10 : 0,
        };
        if (box.kind === 'trigger' || box.kind === 'conditions' || box.kind === 'step') {
          return { ...base, type: 'card', data: { card: cardOf(box, parts, tab) } } as CardNode;
        }
        return { ...base, type: box.kind, data: smallOf(box, parts) } as SmallNode;
      }),
    [drawn, sizes, dragged, movable, parts, tab],
  );
}

/** The properties that nodes are made of, the same object while none of them changes. */
function useStable(props: Drawn) {
  const {
    definition,
    catalogue,
    status,
    faults,
    warnings,
    selected,
    hovered,
    movable,
    mode,
    onSelect,
    onHover,
    onAct,
  } = props;
  const key = useRef(props.onKey);
  key.current = props.onKey;
  return useMemo(
    () => ({
      definition,
      catalogue,
      status: status ?? null,
      faults: faults ?? {},
      warnings: warnings ?? {},
      selected: selected ?? null,
      hovered,
      movable,
      edit: mode === 'edit',
      onSelect,
      onHover,
      onAct,
      onKey: (event: KeyboardEvent, card: string) => key.current(event, card),
    }),
    [definition, catalogue, status, faults, warnings, selected, hovered, movable, mode, onSelect, onHover, onAct],
  );
}

type Parts = ReturnType<typeof useStable>;

function cardOf(box: Box, parts: Parts, tab: string | undefined): CardProps {
  const { definition, status } = parts;
  const place = box.step && standing(definition, box.step.id);
  const own = status?.[box.key];
  return {
    id: box.key,
    face: faceOf(definition, box, parts.catalogue) ?? { icon: AddIcon, title: '', sentence: [] },
    number: place
      ? `Step ${place.number} of ${place.of}${box.step && isBranch(box.step) ? ', a branch' : ''}`
      : undefined,
    status: own,
    quiet: status !== null && !own,
    faults: parts.faults[box.key] ?? 0,
    warnings: parts.warnings[box.key] ?? 0,
    selected: parts.selected === box.key,
    lit: parts.hovered === box.key,
    focusable: tab === box.key,
    movable: parts.movable && box.kind === 'step',
    onSelect: parts.edit ? (key) => parts.onAct?.({ do: 'edit', key }) : parts.onSelect,
    onHover: parts.onHover,
    onKey: parts.onKey,
  };
}

function smallOf(box: Box, parts: Parts): Small {
  const { status, onAct, definition } = parts;
  if (box.kind === 'stub') {
    const of = box.key.slice(0, -'/stop'.length);
    return { text: of === 'conditions' ? 'no run' : 'ends here', status: status?.[of] };
  }
  if (box.kind === 'add-conditions') return { text: 'Only if …', onClick: () => onAct?.({ do: 'add-conditions' }) };
  if (box.kind === 'add-step') {
    const place = { list: '', index: definition.steps.length };
    return { text: 'Add a step', onClick: () => onAct?.({ do: 'insert', place }) };
  }
  return { text: '', status: status?.[box.key] };
}
