import { MantineProvider } from '@mantine/core';
import { render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test, vi } from 'vitest';
import type { Run, RunStep } from '@/api/types';
import { Timeline } from './Timeline';

const at = (ms: number): string => new Date(Date.UTC(2026, 10, 27, 8) + ms).toISOString();

function step(position: number, id: string, more: Partial<RunStep> = {}): RunStep {
  return {
    position,
    step_id: id,
    action: 'create_ticket',
    name: null,
    sentence: `Create ticket ${id}`,
    status: 'succeeded',
    attempts: 1,
    tries: [{ attempt: 1, at: at(0), finished_at: at(80), error: null, next_at: null }],
    input: null,
    output: null,
    error: null,
    started_at: at(0),
    finished_at: at(80),
    duration_ms: 80,
    generation: 0,
    waits_until: null,
    ...more,
  };
}

const failed = step(1, 'tell', {
  status: 'failed',
  attempts: 2,
  error: { status: 503, message: 'HTTP 503: away' },
  tries: [
    { attempt: 1, at: at(100), finished_at: at(120), error: { status: 503, message: 'HTTP 503' }, next_at: at(1100) },
    {
      attempt: 2,
      at: at(1100),
      finished_at: at(1130),
      error: { status: 503, message: 'HTTP 503: away' },
      next_at: null,
    },
  ],
});
const again = step(2, 'tell', { generation: 1, started_at: at(60_000), finished_at: at(60_050), tries: [] });
const resumed = {
  seq: 9,
  type: 'run.resumed',
  at: at(59_990),
  data: { generation: 1, by: { person: 'jo', reason: 'it is back' }, from: 'tell' },
};

const run = {
  run_id: 'r',
  status: 'completed',
  trigger_type: 'alert.triggered',
  trigger_event: { id: 'ev-1' },
  conditions: { field: 'alert.severity', op: 'equals', value: 'high', actual: 'high', result: true },
  started_at: at(0),
  finished_at: at(60_051),
  steps: [step(0, 'ticket'), failed, again],
  entries: [resumed],
  not_reached: [{ step: 'tag', why: 'the branch was decided No' }],
} as unknown as Run;

function show(onSelect = vi.fn(), onHover = vi.fn()) {
  render(
    <MantineProvider>
      <Timeline
        run={run}
        selected="1"
        lit={null}
        onSelect={onSelect}
        onHover={onHover}
        titles={(path) => ({ ticket: 'Create ticket', tell: 'Tell them', tag: 'Add tag' })[path] ?? path}
      />
    </MantineProvider>,
  );
  return { onSelect, onHover, rows: screen.getAllByRole('button').filter((one) => one.hasAttribute('data-row')) };
}

test('each step is a row with its number, its name, its error and how long it took', () => {
  const { rows } = show();
  expect(rows.map((row) => row.dataset.row)).toEqual(['trigger', 'conditions', '0', '1', '2', 'tag']);
  const row = within(rows[3] as HTMLElement);
  expect(row.getByText('2 attempts')).toBeVisible();
  expect(row.getByText('HTTP 503: away')).toBeVisible();
  expect(row.getAllByText('1.03 s')).not.toHaveLength(0);
  expect(rows[3]).toHaveAttribute('aria-pressed', 'true');
  expect(rows[5]).toHaveTextContent('Add tagNot reached: the branch was decided No');
});

test('where somebody resumed the run a line says who and why', () => {
  show();
  expect(screen.getByText('Resumed by jo from step tell, because: it is back')).toBeVisible();
});

test('arrow keys go from row to row, which lights them elsewhere, and Enter selects', async () => {
  const { rows, onSelect, onHover } = show();
  rows[0]?.focus();
  await userEvent.keyboard('{ArrowDown}{ArrowDown}');
  expect(rows[2]).toHaveFocus();
  expect(onHover).toHaveBeenLastCalledWith('0');
  await userEvent.keyboard('{Enter}');
  expect(onSelect).toHaveBeenCalledWith('0');
});

test('long waits are shortened, and drawn in full where that is wanted', async () => {
  show();
  const choice = screen.getByRole('button', { name: 'Waits shortened' });
  await userEvent.click(choice);
  expect(screen.getByRole('button', { name: 'True to time' })).toHaveAttribute('aria-pressed', 'false');
});
