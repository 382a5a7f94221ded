import { describe, expect, it } from 'vitest';
import { typingAt, withVariable } from './typing';

describe('a variable that is typed', () => {
  it.each([
    ['{', { from: 0, query: '' }],
    ['On {', { from: 3, query: '' }],
    ['On {{', { from: 3, query: '' }],
    ['On {{alert.ti', { from: 3, query: 'alert ti' }],
    ['On {{ assigned t', { from: 3, query: 'assigned t' }],
  ])('%s asks for the list', (text, typing) => expect(typingAt(text, text.length)).toEqual(typing));

  it.each(['', 'On ', '{{alert.title}}', '{{alert.title}} on', '{{alert.title | upcase'])('%s does not', (text) =>
    expect(typingAt(text, text.length)).toBeNull(),
  );

  it('is not begun by a caret inside one that is whole', () => {
    expect(typingAt('{{alert.title}}', 8)).toBeNull();
  });

  it('takes the place of what was typed of it', () => {
    expect(withVariable('On {{al and more', 3, 7, 'alert.title')).toEqual({
      text: 'On {{alert.title}} and more',
      caret: 18,
    });
    expect(withVariable('{}', 0, 1, 'org')).toEqual({ text: '{{org}}', caret: 7 });
  });
});
