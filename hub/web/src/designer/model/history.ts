// Undo and redo over any value. Typing in one field is one entry, as long as it goes on.

export interface History<T> {
  past: T[];
  present: T;
  future: T[];
  mark: string | null; // what the last change was to; the next to the same joins it
  at: number;
}

/** For how long, in milliseconds, a change joins the one before it to the same thing. */
export const JOINED_FOR = 1_500;

export const begin = <T>(present: T): History<T> => ({ past: [], present, future: [], mark: null, at: 0 });

/** The history with a change made. `mark` names what is typed in; without it the change stands for itself. */
export function change<T>(history: History<T>, next: T, mark: string | null = null, at = 0): History<T> {
  if (Object.is(next, history.present)) return history;
  const joined = mark !== null && mark === history.mark && at - history.at <= JOINED_FOR && history.past.length > 0;
  return { past: joined ? history.past : [...history.past, history.present], present: next, future: [], mark, at };
}

export function undo<T>(history: History<T>): History<T> {
  if (history.past.length === 0) return history;
  const present = history.past[history.past.length - 1] as T;
  return { past: history.past.slice(0, -1), present, future: [history.present, ...history.future], mark: null, at: 0 };
}

export function redo<T>(history: History<T>): History<T> {
  const [present, ...future] = history.future;
  if (history.future.length === 0) return history;
  return { past: [...history.past, history.present], present: present as T, future, mark: null, at: 0 };
}

export const canUndo = <T>(history: History<T>): boolean => history.past.length > 0;
export const canRedo = <T>(history: History<T>): boolean => history.future.length > 0;
