// Who one is, the organisation's API keys, and who did what.
import { useSession } from '@/api/session';
import { Page } from '@/parts/Page';
import { useUrlState } from '@/parts/useUrlState';
import { Audit } from './Audit';
import { Keys } from './Keys';
import { Me } from './Me';
import css from './settings.module.css';

const TABS = [
  { name: 'keys', label: 'API keys', permission: 'hub.keys.manage', Content: Keys },
  { name: 'audit', label: 'Audit log', permission: 'hub.audit.read', Content: Audit },
  { name: 'you', label: 'You', permission: null, Content: Me },
] as const;

export default function SettingsPage() {
  const session = useSession();
  const [{ tab }, change] = useUrlState('tab');
  const tabs = TABS.filter(({ permission }) => permission === null || session?.permissions.includes(permission));
  const here = tabs.find(({ name }) => name === tab) ?? tabs[0] ?? TABS[2];
  return (
    <Page title="Settings">
      <nav className={css.tabs} aria-label="Settings">
        {tabs.map(({ name, label }) => (
          <button
            key={name}
            type="button"
            aria-current={name === here.name ? 'page' : undefined}
            // What one tab filters means nothing to another.
            onClick={() => change({ tab: name, ...NO_FILTERS })}
          >
            {label}
          </button>
        ))}
      </nav>
      <here.Content />
    </Page>
  );
}

const NO_FILTERS = { who: '', target: '', action: '', since: '' };
