import { describe, expect, it } from 'vitest';
import { findPage } from './routes';

describe('the pages by their addresses', () => {
  it.each([
    ['/workflows', '/workflows', {}],
    ['/workflows/', '/workflows', {}],
    ['/workflows/new', '/workflows/new', {}],
    ['/workflows/alert-to-ticket', '/workflows/:id', { id: 'alert-to-ticket' }],
    ['/workflows/a%20b/runs', '/workflows/:id/runs', { id: 'a b' }],
    ['/runs/filtered', '/runs/filtered', {}],
    ['/runs/r-1', '/runs/:runId', { runId: 'r-1' }],
    ['/templates/%E0%A4%A', '/templates/:name', { name: '%E0%A4%A' }],
  ])('%s is %s', (path, pattern, params) => {
    const found = findPage(path);
    expect(found?.page.path).toBe(pattern);
    expect(found?.params).toEqual(params);
  });

  it.each(['/', '/nowhere', '/workflows/a/b/c', '/templates//'])('%s is none', (path) =>
    expect(findPage(path)).toBeNull(),
  );
});
