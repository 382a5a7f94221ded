import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';
import type { RecentRun } from '@/api/types';
import { JsonView } from './JsonView';
import { Strip } from './Strip';
import { Toggle } from './Toggle';
import { ago, duration, wholeTime } from './time';
import { count, entityWords, humanise } from './words';

const NOW = Date.parse('2026-11-27T12:00:00Z');

describe('times in words', () => {
  it.each([
    ['2026-11-27T11:59:58Z', 'just now'],
    ['2026-11-27T11:59:20Z', '40 s ago'],
    ['2026-11-27T11:01:00Z', '59 min ago'],
    ['2026-11-26T12:00:00Z', '1 d ago'],
    ['2026-11-27T14:30:00Z', 'in 2 h'],
    ['2024-11-27T12:00:00Z', '2 y ago'],
    ['not a time', 'not a time'],
  ])('%s is %s', (at, words) => expect(ago(at, NOW)).toBe(words));

  it.each([
    [0, '0 ms'],
    [84.4, '84 ms'],
    [3_200, '3.2 s'],
    [5_000, '5 s'],
    [59_990, '1 min'],
    [245_000, '4 min 5 s'],
    [7_800_000, '2 h 10 min'],
    [273_600_000, '3 d 4 h'],
  ])('%d ms is %s', (ms, words) => expect(duration(ms)).toBe(words));

  it('keeps what is no time as it stands', () => expect(wholeTime('soon')).toBe('soon'));
});

describe('names for people', () => {
  it.each([
    ['alert.triggered', 'Alert triggered'],
    ['ticket.sla_breach', 'Ticket breaches its SLA'],
    ['create_ticket', 'Create ticket'],
    ['escalate_on_call', 'Escalate to On-Call'],
    ['psa_export', 'PSA export'],
  ])('%s is %s', (name, words) => expect(humanise(name)).toBe(words));

  it('tells an entity without its organisation', () => expect(entityWords('acme/device/d-17')).toBe('device d-17'));
  it('counts one and many', () => expect([count(1, 'run'), count(1200, 'run')]).toEqual(['1 run', '1,200 runs']));
});

describe('the strip of last runs', () => {
  const runs: RecentRun[] = ['c', 'b', 'a'].map((run_id, index) => ({
    run_id,
    status: index === 0 ? 'failed' : 'completed',
    started_at: '2026-11-27T10:00:00Z',
  }));

  it('shows the oldest first and links each to its run, with its status in words', () => {
    render(<Strip runs={runs} of="Alert to Ticket" />);
    const links = screen.getAllByRole('link');
    expect(links.map((link) => link.getAttribute('href'))).toEqual(['/runs/a', '/runs/b', '/runs/c']);
    expect(links[2]).toHaveAccessibleName(/^Failed/);
  });

  it('is one stop of the Tab key, and arrows go along it', async () => {
    const user = userEvent.setup();
    render(<Strip runs={runs} of="Alert to Ticket" />);
    await user.tab();
    expect(document.activeElement).toHaveAttribute('href', '/runs/c');
    await user.keyboard('{ArrowLeft}{ArrowLeft}{ArrowLeft}');
    expect(document.activeElement).toHaveAttribute('href', '/runs/a');
    await user.keyboard('{End}');
    expect(document.activeElement).toHaveAttribute('href', '/runs/c');
  });

  it('says so where there are none', () => {
    render(<Strip runs={[]} of="Alert to Ticket" />);
    expect(screen.getByText('No runs yet')).toBeInTheDocument();
  });
});

describe('a switch', () => {
  it('is told as one, and says what it is asked to become', async () => {
    const onChange = vi.fn();
    render(<Toggle on={false} label="Alert to Ticket enabled" onChange={onChange} />);
    const toggle = screen.getByRole('switch', { name: 'Alert to Ticket enabled', checked: false });
    await userEvent.click(toggle);
    expect(onChange).toHaveBeenCalledWith(true);
  });
});

describe('a JSON value', () => {
  it('shows every value, however deep', () => {
    render(<JsonView value={{ alert: { severity: 'critical', tags: ['a', null, 3] } }} />);
    for (const text of ['"critical"', '"a"', 'null', '3']) expect(screen.getByText(text)).toBeInTheDocument();
  });
});
