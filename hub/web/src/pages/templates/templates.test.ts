import { describe, expect, it } from 'vitest';
import type { Definition, TemplateParameter } from '@/api/types';
import { draw } from './drawing';
import { defaults, missing, sortFaults, values } from './values';

const parameter = (
  name: string,
  type: TemplateParameter['type'],
  given: TemplateParameter['default'],
): TemplateParameter => ({
  name,
  type,
  label: name,
  description: '',
  default: given,
  choices: [],
  least: null,
  required: given === null,
});

describe('the form of a template', () => {
  const parameters = [
    parameter('board', 'board', 'Alerts'),
    parameter('minutes', 'number', 15),
    parameter('closed', 'list', ['Closed', 'Resolved']),
    parameter('token', 'secret', null),
    parameter('admin', 'email', null),
  ];

  it('begins with the defaults as text', () => {
    expect(defaults(parameters)).toEqual({
      board: 'Alerts',
      minutes: '15',
      closed: 'Closed, Resolved',
      token: '',
      admin: '',
    });
  });

  it('sends each value with its type and leaves out what is empty', () => {
    const typed = { board: ' Alerts ', minutes: '2.5', closed: 'Done,\n Closed ,', token: 'CRM_TOKEN', admin: ' ' };
    expect(values(parameters, typed)).toEqual({
      board: 'Alerts',
      minutes: 2.5,
      closed: ['Done', 'Closed'],
      token: 'secret:CRM_TOKEN',
    });
  });

  it('leaves what is no number to the Hub to refuse in its own words', () => {
    expect(values(parameters, { minutes: 'many' })).toEqual({ minutes: 'many' });
  });

  it('knows without asking what is still needed', () => {
    expect(Object.keys(missing(parameters, defaults(parameters)))).toEqual(['token', 'admin']);
  });

  it('puts each fault to its field, and those of no field apart', () => {
    const faults = [
      { field: 'values.admin', pointer: '/values/admin', reason: 'is no e-mail address' },
      { field: 'steps[0].with.board', pointer: '/steps/0/with/board', reason: 'is required' },
    ];
    const sorted = sortFaults(faults, parameters);
    expect(sorted.byName).toEqual({ admin: 'is no e-mail address' });
    expect(sorted.others).toEqual([faults[1]]);
  });
});

describe('the small drawing of a flow', () => {
  const definition: Definition = {
    id: 'd',
    name: 'D',
    state: 'draft',
    trigger: { type: 'alert.triggered' },
    conditions: { field: 'alert.severity', op: 'equals', value: 'critical' },
    steps: [
      {
        id: 'which',
        if: { field: 'alert.severity', op: 'equals', value: 'critical' },
        then: [
          { id: 'a', action: 'create_ticket' },
          { id: 'b', action: 'webhook' },
        ],
        else: [],
      },
      { id: 'last', action: 'add_tag' },
    ],
  };

  it('has a mark for each step, all inside the picture and none upon another', () => {
    const { marks, width, height } = draw(definition);
    expect(marks.map((mark) => mark.key)).toEqual([
      'trigger',
      'conditions',
      'which',
      'which.then.a',
      'which.then.b',
      'which/join',
      'last',
    ]);
    for (const { x, y } of marks) {
      expect(x).toBeGreaterThan(0);
      expect(x).toBeLessThan(width);
      expect(y).toBeGreaterThan(0);
      expect(y).toBeLessThan(height);
    }
    expect(new Set(marks.map(({ x, y }) => `${x},${y}`)).size).toBe(marks.length);
  });

  it('draws the two sides of a branch on lanes of their own', () => {
    const { marks, wires } = draw(definition);
    const at = (key: string) => marks.find((mark) => mark.key === key);
    expect(at('which.then.a')?.y).toBeLessThan(at('which')?.y ?? 0);
    // The empty side goes around below.
    expect(Math.max(...wires.map((wire) => wire.to.y))).toBeGreaterThan(at('which')?.y ?? 0);
    expect(at('last')?.y).toBe(at('trigger')?.y);
  });

  it('draws a workflow that has only a trigger', () => {
    expect(draw({ ...definition, conditions: null, steps: [] }).marks).toHaveLength(1);
  });
});
