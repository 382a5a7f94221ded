// Names for people, of what the Hub names for machines. The catalogue has the full titles; these need no question.
import type { RunStatus, State, StepStatus } from '@/api/types';

const CAPITALS: Record<string, string> = { sla: 'SLA', id: 'ID', url: 'URL', rmm: 'RMM', psa: 'PSA', crm: 'CRM' };
const NAMES: Record<string, string> = {
  'ticket.sla_breach': 'Ticket breaches its SLA',
  'deal.stage_changed': 'Deal changes stage',
  'entity.sync_conflict': 'Entity sync conflict',
  escalate_on_call: 'Escalate to On-Call',
};

/** alert.triggered → Alert triggered. */
export function humanise(name: string): string {
  const known = NAMES[name];
  if (known) return known;
  const words = name.split(/[._\s-]+/).filter(Boolean);
  return words
    .map((word, index) => CAPITALS[word] ?? (index === 0 ? word.charAt(0).toUpperCase() + word.slice(1) : word))
    .join(' ');
}

export const RUN_WORDS: Record<RunStatus, string> = {
  running: 'Running',
  waiting: 'Waiting',
  completed: 'Completed',
  failed: 'Failed',
  cancelled: 'Cancelled',
  skipped: 'Skipped',
  suppressed: 'Suppressed',
};

export const STEP_WORDS: Record<StepStatus, string> = {
  running: 'Running',
  waiting: 'Waiting',
  succeeded: 'Succeeded',
  failed: 'Failed',
  skipped: 'Skipped',
  cancelled: 'Cancelled',
};

export const STATE_WORDS: Record<State, string> = {
  draft: 'Draft',
  shadow: 'Shadow',
  enabled: 'Enabled',
  disabled: 'Disabled',
};

/** acme/device/d-17 → device d-17. */
export function entityWords(key: string): string {
  const [, kind, ...rest] = key.split('/');
  return rest.length > 0 ? `${kind} ${rest.join('/')}` : key;
}

/** 1 run, 2 runs. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString('en')} ${number === 1 ? one : many}`;
}
