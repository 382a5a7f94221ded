// What a person asks of the flowchart while editing, by mouse or by key. The designer does it.
import type { KeyboardEvent } from 'react';
import type { Place } from '../designer/model/tree';

export type Act =
  | { do: 'insert'; place: Place }
  | { do: 'insert-after'; key: string }
  | { do: 'move'; path: string; place: Place }
  | { do: 'shift'; path: string; way: 'up' | 'down' }
  | { do: 'remove'; key: string }
  | { do: 'duplicate'; path: string }
  | { do: 'edit'; key: string }
  | { do: 'add-conditions' };

/** The act that a key means on a card, or null. */
export function actOf(event: KeyboardEvent, key: string): Act | null {
  const step = key !== 'trigger' && key !== 'conditions';
  if (event.altKey) return step ? shiftOf(event.key, key) : null;
  if (event.ctrlKey || event.metaKey)
    return step && event.key.toLowerCase() === 'd' ? { do: 'duplicate', path: key } : null;
  if (event.key === 'Enter' || event.key === ' ') return { do: 'edit', key };
  if (event.key === '+' || event.key === 'Insert') return { do: 'insert-after', key };
  const removes = event.key === 'Delete' || event.key === 'Backspace';
  return removes && key !== 'trigger' ? { do: 'remove', key } : null;
}

function shiftOf(pressed: string, path: string): Act | null {
  if (pressed !== 'ArrowUp' && pressed !== 'ArrowDown') return null;
  return { do: 'shift', path, way: pressed === 'ArrowUp' ? 'up' : 'down' };
}

/** The card to which an arrow goes: up and down the cards as they stand, left and right between a branch's sides. */
export function neighbourOf(
  key: string,
  arrow: string,
  cards: { key: string; x: number; y: number; width: number }[],
): string | null {
  const here = cards.find((one) => one.key === key);
  if (!here) return null;
  const centre = here.x + here.width / 2;
  const away = cards
    .filter((one) => one !== here)
    .map((one) => ({ key: one.key, dx: one.x + one.width / 2 - centre, dy: one.y - here.y }));
  const score = {
    ArrowDown: (dx: number, dy: number) => (dy > 4 ? dy + Math.abs(dx) * 0.6 : Number.POSITIVE_INFINITY),
    ArrowUp: (dx: number, dy: number) => (dy < -4 ? -dy + Math.abs(dx) * 0.6 : Number.POSITIVE_INFINITY),
    ArrowRight: (dx: number, dy: number) => (dx > 40 ? dx + Math.abs(dy) * 1.5 : Number.POSITIVE_INFINITY),
    ArrowLeft: (dx: number, dy: number) => (dx < -40 ? -dx + Math.abs(dy) * 1.5 : Number.POSITIVE_INFINITY),
  }[arrow];
  if (!score) return null;
  const best = away.map((one) => ({ key: one.key, score: score(one.dx, one.dy) })).sort((a, b) => a.score - b.score)[0];
  return best && Number.isFinite(best.score) ? best.key : null;
}
