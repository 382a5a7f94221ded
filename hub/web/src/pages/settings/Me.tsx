import { IconCheck, IconX } from '@tabler/icons-react';
import { useSession } from '@/api/session';
import type { Permission, Session } from '@/api/types';
import { Panel } from '@/parts/Page';
import { RelativeTime } from '@/parts/RelativeTime';
import css from './settings.module.css';

const KINDS: Record<Session['kind'], string> = {
  token: 'The organisation’s sign-in',
  key: 'An API key',
  development: 'The development sign-in',
};

const MAY: [Permission, string][] = [
  ['hub.workflows.read', 'See workflows, runs and templates'],
  ['hub.workflows.write', 'Create, change, enable and delete workflows'],
  ['hub.workflows.run', 'Cancel, resume and re-run, redrive dead letters, send events'],
  ['hub.keys.manage', 'Create and revoke API keys'],
  ['hub.audit.read', 'Read the audit log'],
];

/** Who is signed in and what that allows. */
export function Me() {
  const session = useSession();
  if (!session) return null;
  return (
    <Panel className={css.me} label="You">
      <dl>
        <dt>Organisation</dt>
        <dd>{session.org}</dd>
        <dt>Person</dt>
        <dd>{session.person}</dd>
        <dt>Role</dt>
        <dd>{session.role ?? 'None: the token says what it may'}</dd>
        <dt>Signed in by</dt>
        <dd>{KINDS[session.kind]}</dd>
        {session.expires_at && (
          <>
            <dt>Signed in until</dt>
            <dd>
              <RelativeTime at={session.expires_at} />
            </dd>
          </>
        )}
      </dl>
      <h2>What you may do</h2>
      <ul className={css.may}>
        {MAY.map(([permission, words]) => {
          const may = session.permissions.includes(permission);
          const Icon = may ? IconCheck : IconX;
          return (
            <li key={permission} data-may={may}>
              <Icon size={16} role="img" aria-label={may ? 'Yes:' : 'No:'} />
              <span>{words}</span>
              <code>{permission}</code>
            </li>
          );
        })}
      </ul>
    </Panel>
  );
}
