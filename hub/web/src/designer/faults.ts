// What is wrong with a definition, by the card that it is wrong on.
import type { Cycle, Definition, Fault, Validation } from '../api/types';
import { atPath, cardOf, pathOf } from './model/tree';

export type Kind = 'fault' | 'missing' | 'warning';

export interface Told {
  kind: Kind;
  key: string; // of the card, or 'settings', or 'end'
  rest: string; // the field inside it: with.title
  field: string; // as the Hub names it
  reason: string;
}

export interface Faults {
  all: Told[];
  of: (key: string) => Told[];
  /** How many there are that keep it from being enabled, and how many warnings, by card. */
  counts: Record<string, number>;
  warnings: Record<string, number>;
}

export const NONE: Faults = { all: [], of: () => [], counts: {}, warnings: {} };

export function faultsOf(definition: Definition, validation: Validation | null): Faults {
  if (!validation) return NONE;
  const told = (kind: Kind, list: Fault[]): Told[] =>
    list.map(({ field, reason }) => ({ kind, field, reason, ...cardOf(definition, field) }));
  const all = [
    ...told('fault', validation.faults),
    ...told('missing', validation.missing),
    ...told('warning', validation.warnings),
  ];
  const count = (wanted: (kind: Kind) => boolean) => {
    const counts: Record<string, number> = {};
    for (const one of all) if (wanted(one.kind)) counts[one.key] = (counts[one.key] ?? 0) + 1;
    return counts;
  };
  return {
    all,
    of: (key) => all.filter((one) => one.key === key),
    counts: count((kind) => kind !== 'warning'),
    warnings: withCycles(
      count((kind) => kind === 'warning'),
      definition,
      validation.cycles,
    ),
  };
}

/** A step that is a part of a loop is marked as well; the loop itself is told whole. */
function withCycles(counts: Record<string, number>, definition: Definition, cycles: Cycle[]): Record<string, number> {
  const marked = { ...counts };
  const steps = new Set(
    cycles.flatMap((one) => one.links.filter((link) => link.workflow === definition.id).map((link) => link.step)),
  );
  for (const step of steps) {
    const path = atPath(definition, step)?.path ?? pathOf(definition, step);
    if (path) marked[path] = (marked[path] ?? 0) + 1;
  }
  return marked;
}

/** Those of a field of a card, or of what is inside it. */
export const ofField = (told: Told[], field: string): Told[] =>
  told.filter((one) => one.rest === field || one.rest.startsWith(`${field}.`) || one.rest.startsWith(`${field}[`));
