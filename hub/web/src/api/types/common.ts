// What all answers share: states, pages, faults.

export type State = 'draft' | 'shadow' | 'enabled' | 'disabled';

export type RunStatus = 'running' | 'waiting' | 'completed' | 'failed' | 'cancelled' | 'skipped' | 'suppressed';

export type StepStatus = 'running' | 'waiting' | 'succeeded' | 'failed' | 'skipped' | 'cancelled';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export type Row = Record<string, Json>;

export interface Page<T> {
  items: T[];
  next: string | null;
}

export interface Fault {
  field: string; // steps[1].with.title
  pointer: string; // /steps/1/with/title
  reason: string;
}

export interface ProblemDocument {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance: string;
  faults?: Fault[];
}

export interface Place {
  topic: string;
  partition: number;
  offset: number;
}
