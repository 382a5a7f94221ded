// The ways between the cards: drawn once, in one picture below them, with Yes, No and the pluses on it.
import { IconPlus } from '@tabler/icons-react';
import { memo } from 'react';
import type { Place } from '../designer/model/tree';
import classes from './flow.module.css';
import { type Box, type Link, pathThrough } from './layout';

export interface WiresProps {
  links: Link[];
  width: number;
  height: number;
  taken: Set<string> | null; // where a run is shown
  names: (link: Link) => string; // for who hears a plus: after Create ticket
  onInsert?: ((place: Place) => void) | undefined;
  picked?: Place | null; // where a step is being added
  target?: Place | null; // where the dragged step would go
  dragging?: boolean;
  hole?: Box | null; // where the dragged step stands until it is let go
  allowed?: (place: Place) => boolean;
}

const same = (a: Place | null | undefined, b: Place | undefined) =>
  Boolean(a && b && a.list === b.list && a.index === b.index);

function Label({ link, lit }: { link: Link; lit: boolean | null }) {
  const { label, points } = link;
  const [first, second] = points;
  if (!label || !first || !second) return null;
  const level = first.y === second.y; // to the stop beside a gate
  const bent = !level && points.length > 3 && points[1]?.y === points[2]?.y;
  const at = level
    ? { x: (first.x + second.x) / 2, y: first.y }
    : bent
      ? { x: points[2]?.x ?? 0, y: (points[2]?.y ?? 0) + 15 }
      : { x: first.x, y: first.y + 17 };
  return (
    <span
      className={classes.label}
      data-lit={lit ?? undefined}
      style={{ transform: `translate(-50%, -50%) translate(${at.x}px, ${at.y}px)` }}
    >
      {label}
    </span>
  );
}

function Plus({ link, props }: { link: Link; props: WiresProps }) {
  const { place, plus } = link;
  if (!place || !plus || !props.onInsert) return null;
  const at = { transform: `translate(-50%, -50%) translate(${plus.x}px, ${plus.y}px)` };
  if (props.dragging) {
    if (!props.allowed?.(place)) return null;
    return <span className={classes.drop} data-target={same(props.target, place) || undefined} style={at} />;
  }
  return (
    <button
      type="button"
      tabIndex={-1}
      className={`${classes.plus} nopan nodrag`}
      data-picked={same(props.picked, place) || undefined}
      aria-label={`Add a step ${props.names(link)}`}
      style={at}
      onClick={() => props.onInsert?.(place)}
    >
      <IconPlus size={14} stroke={2.4} aria-hidden />
    </button>
  );
}

export const Wires = memo(function Wires(props: WiresProps) {
  const { links, width, height, taken } = props;
  // The taken ones last, so that they lie on top where ways share a line.
  const sorted = taken ? [...links].sort((a, b) => Number(taken.has(a.key)) - Number(taken.has(b.key))) : links;
  return (
    <div className={classes.wires} style={{ width, height }}>
      <svg width={width} height={height} aria-hidden="true">
        {sorted.map((link) => (
          <path
            key={link.key}
            className={classes.wire}
            data-lit={taken ? taken.has(link.key) : undefined}
            d={pathThrough(link.points)}
          />
        ))}
      </svg>
      {props.hole && (
        <span
          className={classes.hole}
          style={{
            transform: `translate(${props.hole.x}px, ${props.hole.y}px)`,
            width: props.hole.width,
            height: props.hole.height,
          }}
        />
      )}
      {links.map((link) => (
        <Label key={link.key} link={link} lit={taken ? taken.has(link.key) : null} />
      ))}
      {links.map((link) => (
        <Plus key={link.key} link={link} props={props} />
      ))}
    </div>
  );
});
