import { yamlLanguage } from '@codemirror/lang-yaml';
import { describe, expect, it } from 'vitest';
import { partsOf, placeInReason, placeOf } from './places';

const TEXT = `name: Alert to Ticket
trigger: {type: alert.triggered}
conditions:
  any:
    - {field: alert.severity, op: equals, value: critical}
    - field: alert.severity
      op: equals
      value: high
steps:
  - id: which
    if: {field: x, op: exists}
    then:
      - id: ticket
        action: create_ticket
        with:
          "title": |
            Several
            lines
`;
const at = (field: string) => {
  const { from, to } = placeOf(yamlLanguage.parser.parse(TEXT), TEXT, field);
  return TEXT.slice(from, to);
};

describe('a field in YAML text', () => {
  it.each([
    ['name', 'name: Alert to Ticket'],
    ['trigger.type', 'type: alert.triggered'],
    ['conditions.any[0].value', 'value: critical'],
    ['conditions.any[1].value', 'value: high'],
    ['steps[0].then[0].action', 'action: create_ticket'],
    ['steps[0].then[0].with.title', '"title": |'],
    ['steps[0].then[0].with.board', 'with:'],
    ['nothing.there', 'name: Alert to Ticket'],
  ])('%s is found', (field, text) => expect(at(field)).toBe(text));

  it('is found by the line that a reason names', () => {
    const found = placeInReason(TEXT, 'line 2, column 3: did not expect that');
    expect(TEXT.slice(found?.from, found?.to)).toBe('trigger: {type: alert.triggered}');
    expect(placeInReason(TEXT, 'is required')).toBeNull();
  });

  it('is split as the Hub writes it', () => {
    expect(partsOf('steps[1].then[0].with.title')).toEqual(['steps', 1, 'then', 0, 'with', 'title']);
  });
});
