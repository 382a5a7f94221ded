import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { cache } from './cache';
import { onRunSignal, pollUnlessLive, startLive } from './live';

/** The browser's EventSource, told by the test what comes. */
class Stream extends EventTarget {
  static readonly CLOSED = 2;
  static made: Stream[] = [];
  readyState = 0;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;

  constructor(readonly url: string) {
    super();
    Stream.made.push(this);
  }
  close() {
    this.readyState = Stream.CLOSED;
  }
  open() {
    this.readyState = 1;
    this.onopen?.();
  }
  fail(readyState: number) {
    this.readyState = readyState;
    this.onerror?.();
  }
  tell(type: string, data: object = {}) {
    this.dispatchEvent(new MessageEvent(type, { data: JSON.stringify(data) }));
  }
}

const newest = () => Stream.made.at(-1) as Stream;
let stop: () => void;
let asked: string[];

beforeEach(() => {
  vi.useFakeTimers();
  Stream.made = [];
  vi.stubGlobal('EventSource', Stream);
  vi.stubGlobal('document', Object.assign(new EventTarget(), { hidden: false }));
  asked = [];
  vi.spyOn(cache, 'invalidateQueries').mockImplementation((filters) => {
    asked.push(filters?.queryKey ? filters.queryKey.join('/') : 'all');
    return Promise.resolve();
  });
  stop = startLive();
  newest().open();
});

afterEach(() => {
  stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

const signal = {
  run_id: 'r',
  workflow_id: 'w',
  status: 'completed',
  entity_key: 'acme/device/d',
  type: 'run.completed',
};

describe('the stream of what happens', () => {
  it('asks once for a burst of runs, and for the figures more seldom', () => {
    for (let index = 0; index < 50; index += 1) newest().tell('run', signal);
    expect(asked).toEqual([]);
    vi.advanceTimersByTime(1_000);
    expect(asked).toEqual(['run/r', 'runs', 'run-counts', 'why']);
    vi.advanceTimersByTime(5_000);
    expect(asked.slice(4)).toEqual(['workflows', 'insight']);
  });

  it('asks for the one workflow that changed', () => {
    newest().tell('workflow', { id: 'w', version: 2, state: 'enabled' });
    vi.advanceTimersByTime(1_000);
    expect(asked).toEqual(['workflow/w', 'workflows']);
  });

  it('keeps from polling only while it is open', () => {
    const poll = pollUnlessLive(15_000);
    expect(poll()).toBe(false);
    newest().fail(0);
    expect(poll()).toBe(15_000);
  });

  it('lets the browser take it up again, and believes the Hub about what was missed', () => {
    newest().fail(0);
    newest().open();
    expect(asked).toEqual([]);
    newest().tell('missed');
    newest().tell('missed');
    vi.advanceTimersByTime(1_000);
    expect(asked).toEqual(['all']);
  });

  it('makes a new one where the browser gave up, ever more seldom, and then asks for all anew', () => {
    newest().fail(Stream.CLOSED);
    expect(Stream.made).toHaveLength(1);
    vi.advanceTimersByTime(1_300);
    expect(Stream.made).toHaveLength(2);
    newest().open();
    expect(asked).toEqual(['all']);
  });

  it('finds out whether anybody is signed in where it stays away', () => {
    newest().fail(Stream.CLOSED);
    vi.advanceTimersByTime(1_300);
    newest().fail(Stream.CLOSED);
    expect(asked).toEqual(['session']);
  });

  it('begins again where nothing was heard for three pings', () => {
    vi.advanceTimersByTime(40_000);
    newest().tell('ping');
    vi.advanceTimersByTime(40_000);
    expect(Stream.made).toHaveLength(1);
    vi.advanceTimersByTime(10_000);
    expect(Stream.made).toHaveLength(2);
  });

  it('is let go of by a tab that nobody looks at, and opened again when somebody does', () => {
    const page = document as unknown as EventTarget & { hidden: boolean };
    page.hidden = true;
    page.dispatchEvent(new Event('visibilitychange'));
    vi.advanceTimersByTime(60_000);
    expect(newest().readyState).toBe(Stream.CLOSED);
    page.hidden = false;
    page.dispatchEvent(new Event('visibilitychange'));
    expect(Stream.made).toHaveLength(2);
  });

  it('tells whoever listens of each run', () => {
    const listener = vi.fn();
    const end = onRunSignal(listener);
    newest().tell('run', signal);
    end();
    newest().tell('run', signal);
    expect(listener).toHaveBeenCalledExactlyOnceWith(signal);
  });
});
