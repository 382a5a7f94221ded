import { MantineProvider } from '@mantine/core';
import { render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { useState } from 'react';
import { describe, expect, it } from 'vitest';
import type { Condition, OperatorInfo } from '@/api/types';
import type { VariableGroup } from '../variables/variables';
import { Builder } from './Builder';

const OPERATORS: OperatorInfo[] = [
  { op: 'equals', title: 'is', types: ['text', 'number'], value: 'one' },
  { op: 'greater_than', title: 'is greater than', types: ['number'], value: 'one' },
  { op: 'in', title: 'is one of', types: ['text'], value: 'list' },
  { op: 'exists', title: 'exists', types: ['text', 'number'], value: 'none' },
];
const VARIABLES: VariableGroup[] = [
  {
    label: 'Alert',
    variables: [
      {
        path: 'alert.severity',
        title: 'Severity',
        type: 'text',
        choices: ['critical', 'high'],
        sample: 'critical',
        description: null,
        now: 'critical',
        may: false,
      },
      {
        path: 'device.criticality',
        title: 'Device criticality',
        type: 'number',
        choices: null,
        sample: 5,
        description: null,
        now: 5,
        may: false,
      },
    ],
  },
];
const SEVERITY: Condition = { field: 'alert.severity', op: 'equals', value: 'critical' };
const HIGH: Condition = { field: 'alert.severity', op: 'equals', value: 'high' };

let now: Condition | null = null;

function Held({ start }: { start: Condition }) {
  const [condition, setCondition] = useState<Condition | null>(start);
  now = condition;
  if (!condition) return <p>nothing</p>;
  return (
    <MantineProvider env="test">
      <Builder
        condition={condition}
        onChange={setCondition}
        fresh={() => HIGH}
        operators={OPERATORS}
        variables={VARIABLES}
        trace={{ field: 'alert.severity', op: 'equals', value: 'critical', actual: 'low', result: false }}
        faults={[{ kind: 'fault', key: 'conditions', rest: 'value', field: 'conditions.value', reason: 'is empty' }]}
        at=""
      />
    </MantineProvider>
  );
}

describe('the condition builder', () => {
  it('shows what the event has, whether it holds, and what is wrong', () => {
    render(<Held start={SEVERITY} />);
    expect(screen.getByText('now low')).toBeInTheDocument();
    expect(screen.getByText('false')).toBeInTheDocument();
    expect(screen.getByText(/is empty/)).toBeInTheDocument();
  });

  it('makes a group of a row by And and by Or', async () => {
    render(<Held start={SEVERITY} />);
    await userEvent.click(screen.getByRole('button', { name: 'Or …' }));
    expect(now).toEqual({ any: [SEVERITY, HIGH] });
    await userEvent.selectOptions(screen.getByLabelText('How these are joined'), 'None of these');
    expect(now).toEqual({ not: { any: [SEVERITY, HIGH] } });
    await userEvent.click(screen.getByRole('button', { name: 'Group' }));
    expect(now).toEqual({ not: { any: [SEVERITY, HIGH, { all: [HIGH] }] } });
  });

  it('offers the comparisons and the values that fit the field', async () => {
    render(<Held start={SEVERITY} />);
    const comparison = screen.getByLabelText('Comparison of Severity');
    expect(
      within(comparison)
        .getAllByRole('option')
        .map((one) => one.textContent),
    ).toEqual(['is', 'is one of', 'exists', 'does not exist']);
    await userEvent.selectOptions(screen.getByLabelText('Value that Severity is compared with'), 'high');
    expect(now).toEqual(HIGH);
    await userEvent.selectOptions(comparison, 'is one of');
    await userEvent.click(screen.getByRole('button', { name: 'critical' }));
    expect(now).toEqual({ field: 'alert.severity', op: 'in', value: ['high', 'critical'] });
    await userEvent.selectOptions(comparison, 'does not exist');
    expect(now).toEqual({ field: 'alert.severity', op: 'exists', value: false });
  });

  it('takes another field by typing, with the value that the event has', async () => {
    render(<Held start={SEVERITY} />);
    await userEvent.click(screen.getByRole('button', { name: 'Field: Severity' }));
    await userEvent.type(await screen.findByRole('combobox', { name: 'Search fields' }), 'critica{Enter}');
    expect(now).toEqual({ field: 'device.criticality', op: 'equals', value: 5 });
    await userEvent.clear(screen.getByLabelText('Value that Device criticality is compared with'));
    await userEvent.type(screen.getByLabelText('Value that Device criticality is compared with'), '7');
    expect(now).toMatchObject({ value: 7 });
  });

  it('takes a path that is in no list', async () => {
    render(<Held start={SEVERITY} />);
    await userEvent.click(screen.getByRole('button', { name: 'Field: Severity' }));
    await userEvent.type(await screen.findByRole('combobox', { name: 'Search fields' }), 'alert.custom{Enter}');
    expect(now).toMatchObject({ field: 'alert.custom' });
  });

  it('moves rows by keys on their grips', async () => {
    render(<Held start={{ all: [SEVERITY, { any: [HIGH] }] }} />);
    const [grip] = screen.getAllByRole('button', { name: /^Move/ });
    grip?.focus();
    await userEvent.keyboard('{Alt>}{ArrowDown}{/Alt}');
    expect(now).toEqual({ all: [{ any: [SEVERITY, HIGH] }] });
  });

  it('is gone with its last row', async () => {
    render(<Held start={SEVERITY} />);
    await userEvent.click(screen.getByRole('button', { name: /^More about this condition/ }));
    await userEvent.click(await screen.findByRole('menuitem', { name: 'Remove' }));
    expect(now).toBeNull();
  });
});
