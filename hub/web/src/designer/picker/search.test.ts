import { describe, expect, it } from 'vitest';
import { found } from './search';

const GROUPS = [
  {
    label: 'Condition',
    choices: [{ id: 'gate', title: 'Only continue if', hint: 'A condition', words: 'if filter', value: 1 }],
  },
  {
    label: 'Actions',
    choices: [
      { id: 'create_ticket', title: 'Create ticket', value: 2 },
      { id: 'send_notification', title: 'Send notification', hint: 'Send an email', value: 3 },
      { id: 'create_note', title: 'Create note', value: 4 },
    ],
  },
];
const titles = (query: string) => found(GROUPS, query).flatMap((group) => group.choices.map((one) => one.title));

describe('a search among choices', () => {
  it('finds whole words and their beginnings, never the inside of a word', () => {
    expect(titles('if')).toEqual(['Only continue if']);
    expect(titles('tick')).toEqual(['Create ticket']);
    expect(titles('icket')).toEqual([]);
    expect(titles('email')).toEqual(['Send notification']);
  });

  it('puts what fits the title before what fits elsewhere', () => {
    expect(titles('create')).toEqual(['Create ticket', 'Create note']);
    expect(titles('create n')).toEqual(['Create note']);
  });

  it('shows everything in order where nothing is typed', () => {
    expect(titles(' ')).toHaveLength(4);
  });
});
