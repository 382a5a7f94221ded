import { describe, expect, it } from 'vitest';
import type { Definition } from '../api/types';
import { branch, EMPTY } from '../designer/model/random.testing';
import { type Kind, layout } from './layout';
import { type FlowStatus, flowStatus, type RunOutcome, taken } from './status';

const measure = (_: string, kind: Kind) => (kind === 'join' ? { width: 0, height: 0 } : { width: 260, height: 60 });
const note = (id: string) => ({ id, action: 'create_note' });
const gate = (id: string) => ({ id, condition: { field: 'x', op: 'exists' } });
const NESTED: Definition = {
  ...EMPTY,
  conditions: { field: 'x', op: 'exists' },
  steps: [note('a'), branch('which', [branch('inner', [note('b')], [])], [gate('g'), note('d')]), note('e')],
};
const done = (path: string, result?: boolean) => ({
  path,
  status: 'succeeded' as const,
  ...(result !== undefined && { result }),
});
const lit = (definition: Definition, outcome: RunOutcome) => {
  const drawn = layout(definition, measure);
  const status: FlowStatus = flowStatus(definition, outcome);
  const links = taken(definition, drawn, status);
  return drawn.links.filter((one) => links.has(one.key)).map((one) => `${one.from}>${one.to}`);
};

describe('the way that a run took', () => {
  it('goes through both joins where both branches were taken on one side', () => {
    const steps = [done('a'), done('which', true), done('which.then.inner', false), done('e')];
    expect(lit(NESTED, { status: 'completed', conditions: true, steps })).toEqual([
      'trigger>conditions',
      'conditions>a',
      'a>which',
      'which>which.then.inner',
      'which.then.inner>which.then.inner/join',
      'which.then.inner/join>which/join',
      'which/join>e',
      'e>end',
    ]);
  });

  it('ends at the conditions where they were false', () => {
    expect(lit(NESTED, { status: 'skipped', conditions: false, steps: [] })).toEqual([
      'trigger>conditions',
      'conditions>conditions/stop',
    ]);
    expect(flowStatus(NESTED, { status: 'skipped', conditions: false, steps: [] }).conditions).toEqual({
      state: 'false',
      word: 'False: not run',
    });
  });

  it('ends at a gate that was false, and reaches no end', () => {
    const outcome: RunOutcome = {
      status: 'completed',
      conditions: true,
      steps: [done('a'), done('which', false), done('which.else.g', false)],
    };
    expect(lit(NESTED, outcome)).toEqual([
      'trigger>conditions',
      'conditions>a',
      'a>which',
      'which>which.else.g',
      'which.else.g>which.else.g/stop',
    ]);
    expect(flowStatus(NESTED, outcome).end).toBeUndefined();
  });

  it('ends where the run waits', () => {
    const outcome: RunOutcome = { status: 'waiting', steps: [{ path: 'a', status: 'waiting', note: 'until 9:00' }] };
    expect(lit({ ...EMPTY, steps: [note('a'), note('b')] }, outcome)).toEqual(['trigger>a']);
    expect(flowStatus(EMPTY, outcome).a).toEqual({ state: 'waiting', note: 'until 9:00' });
  });

  it('goes on past an action that failed', () => {
    const definition = { ...EMPTY, steps: [note('a'), note('b')] };
    const outcome: RunOutcome = { status: 'failed', steps: [{ path: 'a', status: 'failed' }, done('b')] };
    expect(lit(definition, outcome)).toEqual(['trigger>a', 'a>b', 'b>end']);
    expect(flowStatus(definition, outcome).end).toEqual({ state: 'failed' });
  });
});
