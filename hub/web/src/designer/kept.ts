// Unsaved work of a workflow while another of its tabs is looked at, or while its address changes with the first save.
import type { DesignerState } from './state';

let kept: { id: string; state: DesignerState } | null = null;

export function keep(id: string, state: DesignerState): void {
  kept = { id, state };
}

/** What was kept of this workflow; once. */
export function takeKept(id: string): DesignerState | null {
  const found = kept?.id === id ? kept.state : null;
  if (found) kept = null;
  return found;
}

export const isKept = (id: string): boolean => kept?.id === id;

export function forget(): void {
  kept = null;
}
