// One stream of server-sent events for the whole app. While it is open nothing polls: what it tells is patched into the
// cache, or has its queries asked again. Browsers allow six connections to a host, so a tab that nobody sees lets go of it.
import { useSyncExternalStore } from 'react';
import { askAgain, cache } from './cache';
import { BASE } from './client';
import { patchRecent } from './strips';
import type { RunSignal, WorkflowList } from './types';

export type LiveState = 'off' | 'connecting' | 'open';

const QUIET_MS = 45_000; // three pings missed
const HIDDEN_MS = 20_000;
const GATHER_MS = 700; // a burst of signals asks once
const FIGURES_MS = 5_000; // the list's bars and rates are summed by the Hub: not at every run

let source: EventSource | null = null;
let state: LiveState = 'off';
let attempts = 0;
let wanted = false;
let wasOpen = false;
let fresh = false; // a stream of our own making, not one that the browser took up again where it had ended
let retryTimer: ReturnType<typeof setTimeout> | undefined;
let quietTimer: ReturnType<typeof setTimeout> | undefined;
let hiddenTimer: ReturnType<typeof setTimeout> | undefined;
const listeners = new Set<() => void>();
const runListeners = new Set<(signal: RunSignal) => void>();

function become(next: LiveState): void {
  if (next === state) return;
  state = next;
  for (const listener of listeners) listener();
}

/** Calls `ask` once for all calls within `ms`. */
function gathered(ms: number, ask: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return () => {
    if (timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      ask();
    }, ms);
  };
}

function again(...nouns: string[]): void {
  for (const noun of nouns) askAgain({ queryKey: [noun] });
}

const changedRuns = new Set<string>();
const askRuns = gathered(GATHER_MS, () => {
  for (const id of changedRuns) askAgain({ queryKey: ['run', id] });
  changedRuns.clear();
  again('runs', 'run-counts', 'why');
});
const askFigures = gathered(FIGURES_MS, () => again('workflows', 'insight'));
const changedWorkflows = new Set<string>();
const askWorkflows = gathered(GATHER_MS, () => {
  for (const id of changedWorkflows) askAgain({ queryKey: ['workflow', id] });
  changedWorkflows.clear();
  again('workflows');
});
const askDeadLetters = gathered(GATHER_MS, () => again('dead-letters', 'insight'));

function askAll(): void {
  askAgain({ predicate: (query) => query.queryKey[0] !== 'catalogue' });
}
const askAllSoon = gathered(GATHER_MS, askAll);

function onWorkflow(message: MessageEvent<string>): void {
  heard();
  changedWorkflows.add((JSON.parse(message.data) as { id: string }).id);
  askWorkflows();
}

function onRun(message: MessageEvent<string>): void {
  heard();
  const signal = JSON.parse(message.data) as RunSignal;
  cache.setQueriesData<{ pages: WorkflowList[]; pageParams: unknown[] }>({ queryKey: ['workflows'] }, (data) =>
    data ? patchRecent(data, signal, new Date().toISOString()) : data,
  );
  changedRuns.add(signal.run_id);
  askRuns();
  askFigures();
  for (const listener of runListeners) listener(signal);
}

function heard(): void {
  clearTimeout(quietTimer);
  quietTimer = setTimeout(reconnect, QUIET_MS);
}

function opened(): void {
  attempts = 0;
  heard();
  become('open');
  // What happened while there was none was not told; a stream that the browser takes up again tells it.
  if (wasOpen && fresh) askAll();
  wasOpen = true;
  fresh = false;
}

function close(): void {
  clearTimeout(retryTimer);
  clearTimeout(quietTimer);
  source?.close();
  source = null;
}

function reconnect(): void {
  close();
  if (!wanted) return;
  become('connecting');
  attempts += 1;
  // It may be that nobody is signed in any more, which a stream can't tell.
  if (attempts === 2) again('session');
  retryTimer = setTimeout(open, Math.min(30_000, 500 * 2 ** attempts) * (0.75 + Math.random() / 2));
}

function open(): void {
  close();
  if (!wanted) return;
  become('connecting');
  fresh = true;
  const stream = new EventSource(`${BASE}/stream`);
  stream.onopen = opened;
  stream.onerror = () => (stream.readyState === EventSource.CLOSED ? reconnect() : become('connecting'));
  stream.addEventListener('run', onRun);
  stream.addEventListener('workflow', onWorkflow);
  stream.addEventListener('dead-letter', () => {
    heard();
    askDeadLetters();
  });
  // Too much at once to be told one by one, or the Hub itself did not hear it.
  stream.addEventListener('missed', () => {
    heard();
    askAllSoon();
  });
  stream.addEventListener('ping', heard);
  source = stream;
}

function onVisibility(): void {
  clearTimeout(hiddenTimer);
  if (document.hidden) {
    hiddenTimer = setTimeout(() => {
      close();
      become('off');
    }, HIDDEN_MS);
  } else if (!source && wanted) {
    open();
  }
}

/** Opens the stream: once signed in. */
export function startLive(): () => void {
  wanted = true;
  document.addEventListener('visibilitychange', onVisibility);
  open();
  return () => {
    wanted = false;
    wasOpen = false;
    document.removeEventListener('visibilitychange', onVisibility);
    clearTimeout(hiddenTimer);
    close();
    become('off');
  };
}

/** Whether the page is told of changes: `open`, or about to be. */
export function useLive(): LiveState {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => state,
  );
}

/** For `refetchInterval`: never while the stream is open. */
export function pollUnlessLive(ms: number): () => number | false {
  return () => (state === 'open' ? false : ms);
}

/** Calls `listener` at each run's news, until the returned function is called. */
export function onRunSignal(listener: (signal: RunSignal) => void): () => void {
  runListeners.add(listener);
  return () => runListeners.delete(listener);
}
