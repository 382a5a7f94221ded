import type { Row } from '@/api/types';
import type { TurnRow } from './rows';

/** Who began the run again, and why: Resumed by jo@acme.example from step ticket, because: the team is there now. */
export function turnWords(row: TurnRow): string {
  if (!row.entry) return `Generation ${row.generation}`;
  const { by, from } = row.entry.data;
  const resumed = row.entry.type === 'run.resumed';
  const { who, reason } = whoOf(by);
  const where = resumed && typeof from === 'string' ? ` from step ${from}` : '';
  return `${resumed ? 'Resumed' : 'Restarted'} by ${who}${where}${reason}`;
}

/** A person with the reason they gave, or the event. */
export function whoWords(by: unknown): string {
  const { who, reason } = whoOf(by);
  return who + reason;
}

function whoOf(by: unknown): { who: string; reason: string } {
  const { event, person, reason } = (typeof by === 'object' && by !== null ? by : {}) as Row;
  if (typeof event === 'object' && event !== null && !Array.isArray(event)) {
    return { who: `${event.type} ${event.id}`, reason: '' };
  }
  return {
    who: typeof person === 'string' ? person : 'somebody',
    reason: typeof reason === 'string' && reason ? `, because: ${reason}` : '',
  };
}
