// Who is signed in, and what belongs to the person: the theme, signing out.
import { Menu, useMantineColorScheme } from '@mantine/core';
import { IconDeviceLaptop, IconLogout, IconMoon, IconSelector, IconSun, type TablerIcon } from '@tabler/icons-react';
import type { ReactElement } from 'react';
import { useLocation } from 'wouter';
import { useSession } from '@/api/session';
import type { Session } from '@/api/types';
import { signOut } from '@/api/writes';
import css from './Person.module.css';
import { toastError } from './Toasts';

interface Props {
  /** What opens the menu; without it the person's name does. */
  trigger?: ReactElement;
  /** Pages to go to from the menu. */
  links?: { href: string; label: string; icon: TablerIcon }[];
}

export function Person({ trigger, links = [] }: Props) {
  const session = useSession();
  const [, navigate] = useLocation();
  if (!session) return null;
  return (
    <Menu position="top-start" width={220}>
      <Menu.Target>{trigger ?? <PersonButton session={session} />}</Menu.Target>
      <Menu.Dropdown>
        <div className={css.who}>
          <strong>{session.org}</strong>
          <span>{described(session)}</span>
        </div>
        {links.map(({ href, label, icon: Icon }) => (
          <Menu.Item key={href} leftSection={<Icon size={16} aria-hidden />} onClick={() => navigate(href)}>
            {label}
          </Menu.Item>
        ))}
        {links.length > 0 && <Menu.Divider />}
        <Menu.Label>Theme</Menu.Label>
        <Schemes />
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={16} aria-hidden />} onClick={leave}>
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

/** “Dev of acme, Admin”: the role only where the name does not say it. */
function described({ person, role }: Session): string {
  return role && !person.toLowerCase().includes(role.toLowerCase()) ? `${person}, ${role}` : person;
}

function PersonButton({ session, ...rest }: { session: Session }) {
  return (
    <button type="button" {...rest} className={css.person} title={`${session.org} · ${described(session)}`}>
      <span className={css.badge} aria-hidden>
        {session.org.slice(0, 2).toUpperCase()}
      </span>
      <span className={css.names}>
        <span className={css.org}>{session.org}</span>
        <span className={css.name}>{session.person}</span>
      </span>
      <IconSelector size={15} aria-hidden className={css.open} />
    </button>
  );
}

const SCHEMES: { value: 'light' | 'dark' | 'auto'; label: string; icon: TablerIcon }[] = [
  { value: 'light', label: 'Light', icon: IconSun },
  { value: 'dark', label: 'Dark', icon: IconMoon },
  { value: 'auto', label: 'As the system', icon: IconDeviceLaptop },
];

function Schemes() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <Menu.RadioGroup value={colorScheme} onChange={(value) => setColorScheme(value as typeof colorScheme)}>
      {SCHEMES.map(({ value, label, icon: Icon }) => (
        <Menu.RadioItem key={value} value={value} rightSection={<Icon size={16} aria-hidden />}>
          {label}
        </Menu.RadioItem>
      ))}
    </Menu.RadioGroup>
  );
}

async function leave(): Promise<void> {
  try {
    await signOut();
    // A fresh start: nothing of one person is left for the next.
    window.location.assign('/sign-in');
  } catch (error) {
    toastError(error, 'Couldn’t sign out');
  }
}
