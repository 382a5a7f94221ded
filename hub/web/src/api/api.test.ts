import { afterEach, describe, expect, it, vi } from 'vitest';
import { address, get, isProblem, onSignedOut, type Problem, send } from './client';
import { nextRecent, patchRecent } from './strips';
import type { RecentRun, RunSignal, WorkflowList } from './types';

const answer = (status: number, body: unknown) =>
  new Response(body === undefined ? null : JSON.stringify(body), { status });

afterEach(() => vi.unstubAllGlobals());

function hub(response: Response) {
  const fetch = vi.fn<(url: string, init: RequestInit) => Promise<Response>>().mockResolvedValue(response);
  vi.stubGlobal('fetch', fetch);
  return fetch;
}

describe('the way to the Hub', () => {
  it('leaves empty filters out of an address and joins lists by commas', () => {
    expect(address('/runs', { workflow: '', status: ['failed', 'waiting'], limit: 50, entity: undefined })).toBe(
      '/api/v1/runs?status=failed%2Cwaiting&limit=50',
    );
  });

  it('sends each write with its own key, the header that a cookie needs and the version it is based on', async () => {
    const fetch = hub(answer(200, { id: 'a' }));
    await send('PUT', '/workflows/a', { name: 'A' }, { version: 4 });
    await send('PUT', '/workflows/a', { name: 'A' }, { version: 4 }).catch(() => undefined);
    const headers = fetch.mock.calls.map(([, init]) => init.headers as Record<string, string>);
    expect(headers[0]).toMatchObject({ 'X-Onestack': '1', 'If-Match': '"4"', 'Content-Type': 'application/json' });
    expect(headers[0]?.['Idempotency-Key']).not.toBe(headers[1]?.['Idempotency-Key']);
  });

  it('throws what the Hub refused with its faults', async () => {
    const faults = [{ field: 'steps[0]', pointer: '/steps/0', reason: 'is required' }];
    hub(answer(422, { title: 'Not ready', status: 422, detail: 'One thing is missing.', faults }));
    const error = await get('/workflows').catch((problem: unknown) => problem);
    expect(isProblem(error, 422)).toBe(true);
    expect((error as Problem).message).toBe('One thing is missing.');
    expect((error as Problem).faults).toEqual(faults);
  });

  it('tells of a Hub that does not answer as a problem of status 0', async () => {
    vi.stubGlobal('fetch', vi.fn().mockRejectedValue(new TypeError('Failed to fetch')));
    expect(isProblem(await get('/workflows').catch((problem: unknown) => problem), 0)).toBe(true);
  });

  it('says when nobody is signed in any more', async () => {
    const listener = vi.fn();
    onSignedOut(listener);
    hub(answer(401, { title: 'Not signed in' }));
    await get('/workflows').catch(() => undefined);
    expect(listener).toHaveBeenCalledOnce();
    onSignedOut(() => undefined);
  });

  it('takes an answer without a body', async () => {
    hub(answer(204, undefined));
    expect(await send('DELETE', '/workflows/a')).toBeUndefined();
  });
});

const run = (run_id: string, status: RecentRun['status'] = 'completed'): RecentRun => ({
  run_id,
  status,
  started_at: '2026-11-27T10:00:00Z',
});
const signal = (run_id: string, status: RunSignal['status']): RunSignal => ({
  run_id,
  status,
  workflow_id: 'w',
  entity_key: 'acme/device/d-1',
  type: 'run.started',
});
const NOW = '2026-11-27T11:00:00Z';

describe('the strip of last runs', () => {
  it('begins with a run that was not known', () => {
    const next = nextRecent([run('a')], signal('b', 'running'), NOW);
    expect(next).toEqual([{ run_id: 'b', status: 'running', started_at: NOW }, run('a')]);
  });

  it('keeps a known run in its place with its new status', () => {
    expect(nextRecent([run('b'), run('a', 'waiting')], signal('a', 'failed'), NOW)).toEqual([
      run('b'),
      run('a', 'failed'),
    ]);
  });

  it('never has more than twenty', () => {
    const full = Array.from({ length: 20 }, (_, index) => run(`r${index}`));
    const next = nextRecent(full, signal('new', 'running'), NOW);
    expect(next).toHaveLength(20);
    expect(next[0]?.run_id).toBe('new');
  });

  it('has no place for what was filtered out', () => {
    expect(nextRecent([run('a')], signal('b', 'skipped'), NOW)).toEqual([run('a')]);
    expect(nextRecent([run('b', 'running'), run('a')], signal('b', 'suppressed'), NOW)).toEqual([run('a')]);
  });

  it('is the same object where nothing changed, so that nothing is drawn again', () => {
    const list = { items: [{ id: 'w', recent: [run('a')] }] } as unknown as WorkflowList;
    const data = { pages: [list] };
    expect(patchRecent(data, signal('a', 'completed'), NOW)).toBe(data);
    expect(patchRecent(data, { ...signal('b', 'running'), workflow_id: 'other' }, NOW)).toBe(data);
    expect(patchRecent(data, signal('b', 'running'), NOW)).not.toBe(data);
  });
});
