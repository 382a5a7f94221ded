import { MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { cache } from '@/api/cache';
import type { Steered } from '@/api/types';
import SteerDialog, { type SteeredRun } from './SteerDialog';
import type { SteerAction } from './steering';

const run = (id: string): SteeredRun => ({ run_id: id, name: `SRV-${id}`, workflow_name: 'W', workflow_version: 3 });

function steered(id: string, more: Partial<Steered>): Steered {
  return {
    run_id: id,
    action: 'resume',
    result: null,
    status: 'failed',
    reason: null,
    does: null,
    warning: null,
    new_run_id: null,
    ...more,
  };
}

const asked: { url: string; body: Record<string, unknown> }[] = [];

function answer(reply: (body: Record<string, unknown>) => unknown): void {
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    const body = JSON.parse(String(init.body)) as Record<string, unknown>;
    asked.push({ url, body });
    return new Response(JSON.stringify(reply(body)), { headers: { 'Content-Type': 'application/json' } });
  });
}

function show(action: SteerAction, runs: SteeredRun[]) {
  const onClose = vi.fn();
  const onDone = vi.fn();
  render(
    <MantineProvider>
      <QueryClientProvider client={cache}>
        <SteerDialog action={action} runs={runs} onClose={onClose} onDone={onDone} />
      </QueryClientProvider>
    </MantineProvider>,
  );
  return { onClose, onDone };
}

beforeEach(() => {
  asked.length = 0;
});
afterEach(() => {
  vi.unstubAllGlobals();
  cache.clear();
});

test('first it says what would be done, and then only what can be done is asked for, with the reason', async () => {
  answer((body) => ({
    items: body.dry_run
      ? [
          steered('1', { result: 'planned', does: 'goes on at step tell', warning: 'a second ticket' }),
          steered('2', { result: 'refused', reason: 'it has completed' }),
        ]
      : [steered('1', { result: 'resumed' })],
  }));
  const { onClose, onDone } = show('resume', [run('1'), run('2')]);
  expect(await screen.findByText('Goes on at step tell.')).toBeVisible();
  expect(screen.getByText('A second ticket.')).toBeVisible();
  expect(screen.getByText('It has completed.')).toBeVisible();

  await userEvent.click(screen.getByLabelText('Reason'));
  await userEvent.paste('the mail is back');
  await userEvent.click(screen.getByRole('button', { name: 'Resume 1 run' }));
  await waitFor(() => expect(onClose).toHaveBeenCalled());
  expect(asked.at(-1)?.body).toEqual({
    action: 'resume',
    ids: ['1'],
    version: 'same',
    reason: 'the mail is back',
    dry_run: false,
  });
  expect(onDone).toHaveBeenCalledWith([expect.objectContaining({ result: 'resumed' })]);
});

test('another version is another plan', async () => {
  answer((body) =>
    steered('1', { result: 'planned', does: body.version === 'same' ? 'under version 3' : 'under version 5' }),
  );
  show('rerun', [run('1')]);
  expect(await screen.findByText('Under version 5.')).toBeVisible();
  await userEvent.click(screen.getByLabelText('The version that it ran (3)'));
  expect(await screen.findByText('Under version 3.')).toBeVisible();
  expect(asked.map((one) => one.url)).toEqual(['/api/v1/runs/1/rerun', '/api/v1/runs/1/rerun']);
});

test('where nothing can be done, nothing can be sent', async () => {
  answer(() => steered('1', { action: 'cancel', result: 'ended', reason: 'it has ended already' }));
  show('cancel', [run('1')]);
  expect(await screen.findByText('It has ended already.')).toBeVisible();
  expect(screen.getByRole('button', { name: 'Cancel' })).toBeDisabled();
});

test('what did not work stays on the screen', async () => {
  answer((body) => ({
    items: [
      steered(
        '1',
        body.dry_run ? { result: 'planned', does: 'is cancelled' } : { result: 'refused', reason: 'too late' },
      ),
    ],
  }));
  const { onClose } = show('cancel', [run('1'), run('2')]);
  await userEvent.click(await screen.findByRole('button', { name: 'Cancel 1 run' }));
  expect(await screen.findByText('Too late.')).toBeVisible();
  expect(onClose).not.toHaveBeenCalled();
});
