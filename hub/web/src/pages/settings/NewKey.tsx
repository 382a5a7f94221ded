import { Button, NativeSelect, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useSession } from '@/api/session';
import type { NewApiKey } from '@/api/types';
import { createKey } from '@/api/writes';
import css from './settings.module.css';

const ROLES = [
  { value: 'Viewer', label: 'Viewer: sees workflows and runs' },
  { value: 'Member', label: 'Member: also changes and runs them' },
  { value: 'Admin', label: 'Admin: also keys and the audit log' },
];
const LIVES = [
  { value: '30', label: '30 days' },
  { value: '90', label: '90 days' },
  { value: '365', label: 'A year' },
  { value: '', label: 'Does not expire' },
];
const DAY_MS = 86_400_000;

interface Props {
  done: (key: NewApiKey) => void;
  close: () => void;
}

export function NewKey({ done, close }: Props) {
  const session = useSession();
  const [name, setName] = useState('');
  const [role, setRole] = useState('Member');
  const [days, setDays] = useState('90');
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState('');
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!name.trim()) return setTrouble('The key needs a name, such as what will use it.');
    setBusy(true);
    setTrouble('');
    try {
      const expires = days ? new Date(Date.now() + Number(days) * DAY_MS).toISOString() : null;
      done(await createKey({ name: name.trim(), role, expires_at: expires }));
    } catch (error) {
      setTrouble(error instanceof Error ? error.message : String(error));
      setBusy(false);
    }
  };
  return (
    <form className={css.newKey} onSubmit={(event) => void submit(event)} noValidate>
      <TextInput
        label="Name"
        placeholder="What will use it"
        value={name}
        error={trouble || undefined}
        maxLength={100}
        autoFocus
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <NativeSelect
        label="Role"
        data={session?.role === 'Owner' ? [...ROLES, { value: 'Owner', label: 'Owner: everything' }] : ROLES}
        value={role}
        onChange={(event) => setRole(event.currentTarget.value)}
      />
      <NativeSelect
        label="Expires"
        data={LIVES}
        value={days}
        onChange={(event) => setDays(event.currentTarget.value)}
      />
      <div className={css.newKeyActs}>
        <Button type="submit" loading={busy}>
          Create key
        </Button>
        <Button variant="default" onClick={close}>
          Cancel
        </Button>
      </div>
    </form>
  );
}
