import { MantineProvider } from '@mantine/core';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { useState } from 'react';
import { describe, expect, it } from 'vitest';
import { TemplateInput } from './TemplateInput';
import type { VariableGroup } from './variables';

const variable = (path: string, title: string) => ({
  path,
  title,
  type: 'text' as const,
  choices: null,
  sample: 'x',
  description: null,
  now: 'x',
  may: false,
});
const VARIABLES: VariableGroup[] = [
  { label: 'Alert', variables: [variable('alert.title', 'Title'), variable('alert.message', 'Message')] },
];

function Held({ start = '', multiline = false }: { start?: string; multiline?: boolean }) {
  const [value, setValue] = useState(start);
  return (
    <MantineProvider env="test">
      <TemplateInput label="Subject" value={value} onChange={setValue} variables={VARIABLES} multiline={multiline} />
      <button type="button">next</button>
    </MantineProvider>
  );
}
const field = () => screen.getByRole<HTMLTextAreaElement>('textbox', { name: 'Subject' });

describe('a text with variables', () => {
  it('lists the variables at a brace; Enter takes the picked one, and typing goes on behind it', async () => {
    render(<Held />);
    await userEvent.type(field(), 'On {{mess');
    expect(await screen.findByRole('option', { name: /alert.message/ })).toHaveAttribute('aria-selected', 'true');
    await userEvent.keyboard('{Enter}');
    expect(field().value).toBe('On {{alert.message}}');
  });

  it('closes the list by Escape, and only the list', async () => {
    render(<Held />);
    await userEvent.type(field(), '{{');
    expect(await screen.findAllByRole('option')).toHaveLength(2);
    await userEvent.keyboard('{Escape}');
    expect(screen.queryByRole('option')).toBeNull();
    expect(field().value).toBe('{');
  });

  it('never traps Tab', async () => {
    render(<Held />);
    await userEvent.type(field(), '{{');
    await userEvent.tab();
    expect(screen.getByRole('button', { name: 'Insert a variable into Subject' })).toHaveFocus();
    await userEvent.tab();
    expect(screen.getByRole('button', { name: 'next' })).toHaveFocus();
  });

  it('takes no line break where it is one line', async () => {
    render(<Held />);
    await userEvent.type(field(), 'a{Enter}b');
    expect(field().value).toBe('ab');
  });

  it('takes line breaks where it has several', async () => {
    render(<Held multiline />);
    await userEvent.type(field(), 'a{Enter}b');
    expect(field().value).toBe('a\nb');
  });

  it('puts a variable at the caret by the button', async () => {
    render(<Held start="Hi !" />);
    field().focus();
    field().setSelectionRange(3, 3);
    await userEvent.click(screen.getByRole('button', { name: 'Insert a variable into Subject' }));
    await userEvent.click(await screen.findByRole('option', { name: /alert.title/ }));
    expect(field().value).toBe('Hi {{alert.title}}!');
  });
});
