import { describe, expect, it } from 'vitest';
import { differences } from './compare';
import { insert, move } from './edit';
import { EMPTY } from './random.testing';

const [ONE] = insert(EMPTY, { list: '', index: 0 }, { id: 'a', action: 'create_note', with: { body: 'x' } });
const [TWO] = insert(ONE, { list: '', index: 1 }, { id: 'b', action: 'add_tag', with: { tag: 'y' } });

describe('two definitions', () => {
  it('are told place by place where they differ', () => {
    expect(differences(ONE, { ...ONE, name: 'Other', state: 'enabled' })).toEqual([
      { path: 'name', before: 'W', after: 'Other' },
    ]);
    expect(differences(ONE, TWO).map((one) => one.path)).toEqual([
      'order of steps',
      'steps.b.id',
      'steps.b.action',
      'steps.b.with.tag',
    ]);
  });

  it('differ in their order alone where a step was moved', () => {
    expect(differences(TWO, move(TWO, 'b', { list: '', index: 0 }))).toEqual([
      { path: 'order of steps', before: 'a, b', after: 'b, a' },
    ]);
  });
});
