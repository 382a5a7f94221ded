// When it began: a span that counts back from now, or two moments.
import { Button, Popover } from '@mantine/core';
import { IconCalendar, IconCheck, IconChevronDown } from '@tabler/icons-react';
import { type FormEvent, useState } from 'react';
import { type Chosen, type Name, rangeWords, SPANS } from './filters';
import css from './TimeRange.module.css';

interface Props {
  chosen: Chosen;
  onChange: (change: Partial<Record<Name, string>>) => void;
}

export function TimeRange({ chosen, onChange }: Props) {
  const [open, setOpen] = useState(false);
  const choose = (change: Partial<Record<Name, string>>) => {
    onChange({ last: '', since: '', until: '', ...change });
    setOpen(false);
  };
  return (
    <Popover opened={open} onChange={setOpen} position="bottom-start" trapFocus returnFocus shadow="md" withinPortal>
      <Popover.Target>
        <Button
          variant="default"
          fw={400}
          leftSection={<IconCalendar size={16} aria-hidden />}
          rightSection={<IconChevronDown size={14} aria-hidden />}
          onClick={() => setOpen(!open)}
          aria-label={`Time: ${rangeWords(chosen)}`}
        >
          {rangeWords(chosen)}
        </Button>
      </Popover.Target>
      <Popover.Dropdown className={css.drop} aria-label="Time">
        <div className={css.spans}>
          {[{ value: '', label: 'Any time' }, ...SPANS].map(({ value, label }) => {
            const on = value ? chosen.last === value : !chosen.last && !chosen.since && !chosen.until;
            return (
              <button key={value} type="button" aria-pressed={on} onClick={() => choose({ last: value })}>
                {label}
                {on && <IconCheck size={15} aria-hidden />}
              </button>
            );
          })}
        </div>
        <Moments chosen={chosen} onChoose={choose} />
      </Popover.Dropdown>
    </Popover>
  );
}

function Moments({ chosen, onChoose }: { chosen: Chosen; onChoose: (change: Partial<Record<Name, string>>) => void }) {
  const [since, setSince] = useState(toInput(chosen.since));
  const [until, setUntil] = useState(toInput(chosen.until));
  const backwards = Boolean(since && until && since >= until);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!backwards) onChoose({ since: toIso(since), until: toIso(until) });
  };
  return (
    <form className={css.moments} onSubmit={submit}>
      <label>
        From
        <input type="datetime-local" value={since} onChange={(event) => setSince(event.currentTarget.value)} />
      </label>
      <label>
        To
        <input type="datetime-local" value={until} onChange={(event) => setUntil(event.currentTarget.value)} />
      </label>
      {backwards && <p role="alert">The end is before the beginning.</p>}
      <Button type="submit" size="xs" disabled={(!since && !until) || backwards}>
        Show
      </Button>
    </form>
  );
}

/** What such a field takes: the local time without a zone. */
function toInput(iso: string | undefined): string {
  const at = iso ? new Date(iso) : null;
  if (!at || Number.isNaN(at.getTime())) return '';
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function toIso(local: string): string {
  return local ? new Date(local).toISOString() : '';
}
