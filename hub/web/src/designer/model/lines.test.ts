import { describe, expect, it } from 'vitest';
import { besideEachOther } from './lines';
import { pick, seeded } from './random.testing';

const told = (old: string, now: string) =>
  besideEachOther(old, now).map(
    ({ old: a, now: b }) => `${a?.changed ? '-' : ''}${a?.text ?? ''}|${b?.changed ? '+' : ''}${b?.text ?? ''}`,
  );

describe('two texts side by side', () => {
  it('have their common lines beside each other', () => {
    expect(told('a\nb\nc\n', 'a\nx\nc\n')).toEqual(['a|a', '-b|+x', 'c|c']);
    expect(told('a\nc', 'a\nb\nc')).toEqual(['a|a', '|+b', 'c|c']);
    expect(told('a\nb\nc', 'a\nc')).toEqual(['a|a', '-b|', 'c|c']);
    expect(told('a', 'a')).toEqual(['a|a']);
  });

  it.each(Array.from({ length: 30 }, (_, seed) => seed))('keep every line of both, in order (seed %i)', (seed) => {
    const random = seeded(seed);
    const text = () => Array.from({ length: 1 + Math.floor(random() * 12) }, () => pick(random, ['a', 'b', 'c', 'd']));
    const [old, now] = [text(), text()];
    const pairs = besideEachOther(old.join('\n'), now.join('\n'));
    expect(pairs.flatMap((one) => one.old?.text ?? [])).toEqual(old);
    expect(pairs.flatMap((one) => one.now?.text ?? [])).toEqual(now);
    for (const one of pairs) if (one.old && !one.old.changed) expect(one.now?.text).toBe(one.old.text);
  });
});
