import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';
import { SearchList } from './SearchList';

const GROUPS = [
  {
    label: 'Actions',
    choices: [
      { id: 'create_ticket', title: 'Create ticket', value: 1 },
      { id: 'add_tag', title: 'Add tag', value: 2 },
    ],
  },
  { label: 'Flow', choices: [{ id: 'branch', title: 'Branch', words: 'if', value: 3 }] },
];

describe('a list to search', () => {
  it('has the keyboard, with the first picked, so that Enter takes it', async () => {
    const onPick = vi.fn();
    render(<SearchList groups={GROUPS} label="Search steps" onPick={onPick} />);
    expect(screen.getByRole('combobox')).toHaveFocus();
    await userEvent.keyboard('{Enter}');
    expect(onPick).toHaveBeenLastCalledWith(expect.objectContaining({ value: 1 }));
    await userEvent.keyboard('if{Enter}');
    expect(onPick).toHaveBeenLastCalledWith(expect.objectContaining({ value: 3 }));
  });

  it('goes up and down by arrows, and says which is picked', async () => {
    const onPick = vi.fn();
    render(<SearchList groups={GROUPS} label="Search steps" onPick={onPick} />);
    await userEvent.keyboard('{ArrowDown}{ArrowDown}{ArrowDown}{ArrowUp}');
    const picked = screen.getByRole('option', { name: /Add tag/ });
    expect(picked).toHaveAttribute('aria-selected', 'true');
    expect(screen.getByRole('combobox')).toHaveAttribute('aria-activedescendant', picked.id);
  });

  it('is left by Escape, and says when nothing is called that', async () => {
    const onLeave = vi.fn();
    render(<SearchList groups={GROUPS} label="Search steps" onPick={vi.fn()} onLeave={onLeave} />);
    await userEvent.keyboard('zebra');
    expect(screen.getByText(/Nothing is called/)).toBeInTheDocument();
    await userEvent.keyboard('{Enter}{Escape}');
    expect(onLeave).toHaveBeenCalledOnce();
  });
});
