// A definition as a small picture: what starts it, and each step by its icon.
import { useMemo } from 'react';
import type { Definition, Step } from '@/api/types';
import { isBranch, isGate } from '@/designer/model/tree';
import { actionIcon, branchIcon, conditionsIcon, gateIcon, triggerIcon } from '@/flow/icons';
import { humanise } from '@/parts/words';
import { draw, type Mark, NODE, type Wire } from './drawing';
import css from './MiniFlow.module.css';

const ICON = 15;

function iconOf(mark: Mark) {
  if (mark.kind === 'trigger') return triggerIcon(mark.name);
  if (mark.kind === 'conditions') return conditionsIcon;
  if (mark.kind === 'gate') return gateIcon;
  return mark.kind === 'branch' ? branchIcon : actionIcon(mark.name);
}

function line({ from, to }: Wire): string {
  if (from.y === to.y) return `M${from.x} ${from.y}H${to.x}`;
  // Out of the fork and into the join by a bend, straight along the lane.
  const bend = Math.min(14, Math.abs(to.x - from.x) / 2);
  const fork = to.x - from.x <= NODE + 20;
  return fork
    ? `M${from.x} ${from.y}C${from.x + bend + 8} ${from.y} ${from.x + bend} ${to.y} ${to.x} ${to.y}`
    : `M${from.x} ${from.y}H${to.x - 30}C${to.x - 16} ${from.y} ${to.x - 14} ${to.y} ${to.x} ${to.y}`;
}

/** The actions in words, as they come. */
export function actionWords(steps: Step[]): string[] {
  return steps.flatMap((step) => {
    if (isBranch(step)) return [...actionWords(step.then ?? []), ...actionWords(step.else ?? [])];
    return isGate(step) ? [] : [humanise(step.action)];
  });
}

export function MiniFlow({ definition, label }: { definition: Definition; label: string }) {
  const drawing = useMemo(() => draw(definition), [definition]);
  return (
    <svg
      className={css.flow}
      viewBox={`-1 -1 ${drawing.width + 2} ${drawing.height + 2}`}
      style={{ maxWidth: drawing.width + 2, aspectRatio: `${drawing.width + 2} / ${drawing.height + 2}` }}
      role="img"
      aria-label={label}
    >
      {drawing.wires.map((wire) => (
        <path key={`${wire.from.x},${wire.from.y},${wire.to.x},${wire.to.y}`} className={css.wire} d={line(wire)} />
      ))}
      {drawing.marks.map((mark) => {
        if (mark.kind === 'join') return <circle key={mark.key} className={css.join} cx={mark.x} cy={mark.y} r={3} />;
        const Icon = iconOf(mark);
        return (
          <g
            key={mark.key}
            className={css.mark}
            data-kind={mark.kind}
            transform={`translate(${mark.x - NODE / 2} ${mark.y - NODE / 2})`}
          >
            <rect width={NODE} height={NODE} rx={mark.kind === 'trigger' ? NODE / 2 : 7} />
            <svg x={(NODE - ICON) / 2} y={(NODE - ICON) / 2} width={ICON} height={ICON} aria-hidden>
              <Icon size={ICON} stroke={1.8} />
            </svg>
          </g>
        );
      })}
    </svg>
  );
}
