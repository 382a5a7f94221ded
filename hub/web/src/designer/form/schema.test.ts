import { describe, expect, it } from 'vitest';
import type { Row } from '../../api/types';
import { fromJsonText, jsonText, plan, withValue } from './schema';

const SCHEMA: Row = {
  properties: {
    channel: { type: 'string', enum: ['email', 'teams'], title: 'Channel', 'x-onestack-widget': 'choice' },
    to: {
      title: 'To',
      'x-onestack-widget': 'list',
      'x-onestack-by': { channel: { teams: { title: 'Incoming webhook', 'x-onestack-widget': 'secret' } } },
    },
    subject: { type: 'string', title: 'Subject', 'x-onestack-when': { channel: ['email'] } },
    status: { type: 'string', title: 'Status', default: 'New' },
    count: { type: 'integer' },
  },
  required: ['channel', 'to'],
};
const names = (values: Row) => plan(SCHEMA, values).fields.map((one) => one.name);

describe('a form of a schema', () => {
  it('has the fields in order, with their widgets', () => {
    const { fields } = plan(SCHEMA, {});
    expect(fields.map((one) => [one.name, one.widget, one.required])).toEqual([
      ['channel', 'choice', true],
      ['to', 'list', true],
      ['subject', 'text', false],
      ['count', 'number', false],
    ]);
  });

  it('words a field by another’s value', () => {
    expect(plan(SCHEMA, { channel: 'teams' }).fields[1]).toMatchObject({ title: 'Incoming webhook', widget: 'secret' });
  });

  it('shows what belongs to the values, and what is set all the same', () => {
    expect(names({ channel: 'teams' })).not.toContain('subject');
    expect(names({ channel: 'teams', subject: 'x' })).toContain('subject');
    expect(names({ channel: '{{alert.channel}}' })).toContain('subject');
  });

  it('keeps what has a usual value apart until it is set', () => {
    expect(plan(SCHEMA, {}).usual.map((one) => one.name)).toEqual(['status']);
    expect(names({ status: 'Open' })).toContain('status');
  });

  it('leaves out what is emptied, and keeps the order of what is changed', () => {
    expect(withValue({ a: 1, b: 2 }, 'a', '')).toEqual({ b: 2 });
    expect(Object.keys(withValue({ a: 1, b: 2 }, 'a', 3))).toEqual(['a', 'b']);
  });
});

describe('any JSON in a text field', () => {
  it.each<[string, unknown]>([
    ['5', 5],
    ['true', true],
    ['In progress', 'In progress'],
    ['{{alert.severity}}', '{{alert.severity}}'],
    ['{"a": [1]}', { a: [1] }],
    ['"5"', '5'],
    ['{"a": ', '{"a": '],
  ])('%s is read as it looks', (text, value) => {
    expect(fromJsonText(text)).toEqual(value);
    expect(fromJsonText(jsonText(value as never))).toEqual(value);
  });
});
