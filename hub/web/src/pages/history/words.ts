// What the history says, in words.
import type { Json, RunBrief, RunStatus } from '@/api/types';
import { entityWords } from '@/parts/words';

export interface Subject {
  /** SRV-01, or device d-17 where no name is known. */
  name: string;
  /** device d-17, where the name doesn't say so already. */
  id: string | null;
  /** device: which icon. */
  kind: string;
}

/** Whom a run is about. */
export function subjectOf(run: Pick<RunBrief, 'entity_key' | 'entity_name'>): Subject {
  const [, kind = ''] = run.entity_key.split('/');
  const id = entityWords(run.entity_key);
  return run.entity_name ? { name: run.entity_name, id, kind } : { name: capitalised(id), id: null, kind };
}

/** device/d-17 of acme/device/d-17: as the filters and the address have it. */
export function entityOf(key: string): string {
  const slash = key.indexOf('/');
  return slash < 0 ? key : key.slice(slash + 1);
}

/** With a capital first, unless it begins with a field's name: alert.severity stays. */
export function capitalised(text: string): string {
  return /^[a-z]+[._]/.test(text) ? text : text.charAt(0).toUpperCase() + text.slice(1);
}

/** A sentence as a person would begin and end it. */
export function sentence(text: string): string {
  const trimmed = text.trim();
  if (!trimmed) return '';
  return /[.!?…)”]$/.test(trimmed) ? capitalised(trimmed) : `${capitalised(trimmed)}.`;
}

/** The beginning of an id, enough to be known again. */
export function shortId(id: string): string {
  return id.length > 10 ? id.slice(0, 8) : id;
}

/** Whether a run goes on. */
export function isOpen(status: RunStatus): boolean {
  return status === 'running' || status === 'waiting';
}

/** A value in a line of its own: text as it is, all else as JSON. */
export function plainValue(value: Json | undefined): string {
  if (value === undefined || value === null) return '–';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
