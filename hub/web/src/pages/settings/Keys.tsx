// API keys: for programs that act for the organisation.
import { Button } from '@mantine/core';
import { IconBan, IconCheck, IconClockX, IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { queries } from '@/api/queries';
import type { ApiKey, NewApiKey } from '@/api/types';
import { revokeKey } from '@/api/writes';
import { CopyButton } from '@/parts/CopyButton';
import { EmptyState } from '@/parts/EmptyState';
import { Panel } from '@/parts/Page';
import { RelativeTime, useNow } from '@/parts/RelativeTime';
import { Chip } from '@/parts/status';
import { Trouble } from '@/shell/ErrorPages';
import { toast, toastError } from '@/shell/Toasts';
import { NewKey } from './NewKey';
import css from './settings.module.css';

export function Keys() {
  const { data, error, refetch } = useQuery(queries.keys());
  const [creating, setCreating] = useState(false);
  const [made, setMade] = useState<NewApiKey | null>(null);
  // Of a key that was revoked at once nothing need be copied.
  const valid = !data?.items.find((key) => key.id === made?.id)?.revoked_at;
  if (error && !data) return <Trouble error={error} retry={() => void refetch()} />;
  return (
    <>
      <div className={css.above}>
        <p>A key lets a program use the Hub’s API for this organisation, with what its role allows.</p>
        {!creating && (
          <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setCreating(true)}>
            New key
          </Button>
        )}
      </div>
      {creating && (
        <NewKey
          close={() => setCreating(false)}
          done={(key) => {
            setMade(key);
            setCreating(false);
          }}
        />
      )}
      {made && valid && <Once made={made} close={() => setMade(null)} />}
      <Panel label="API keys">
        {data && data.items.length === 0 && (
          <EmptyState title="No keys yet" text="Programs need one; people sign in themselves." />
        )}
        {data && data.items.length > 0 && (
          <div className={css.scroll}>
            <table className={css.table}>
              <thead>
                <tr>
                  <th scope="col">Name</th>
                  <th scope="col">Key</th>
                  <th scope="col">Role</th>
                  <th scope="col">Created</th>
                  <th scope="col">Last used</th>
                  <th scope="col">State</th>
                  <th scope="col">
                    <span className={css.hidden}>Revoke</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {data.items.map((key) => (
                  <KeyRow key={key.id} item={key} />
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Panel>
    </>
  );
}

/** The whole key, this once. */
function Once({ made, close }: { made: NewApiKey; close: () => void }) {
  return (
    <section className={css.once} aria-label="The new key">
      <h2>“{made.name}” is ready</h2>
      <p>Copy it now: the Hub keeps only its hash and can’t show it again.</p>
      <div className={css.secret}>
        <code>{made.key}</code>
        <CopyButton text={made.key} label="Copy the key">
          Copy
        </CopyButton>
      </div>
      <Button variant="default" size="xs" onClick={close}>
        I have it
      </Button>
    </section>
  );
}

function KeyState({ item }: { item: ApiKey }) {
  const now = useNow();
  if (item.revoked_at) {
    return (
      <Chip tone="mute" icon={IconBan}>
        Revoked
      </Chip>
    );
  }
  if (item.expires_at && Date.parse(item.expires_at) < now) {
    return (
      <Chip tone="mute" icon={IconClockX}>
        Expired
      </Chip>
    );
  }
  return (
    <Chip tone="ok" icon={IconCheck}>
      Valid
    </Chip>
  );
}

function KeyRow({ item }: { item: ApiKey }) {
  const [sure, setSure] = useState(false);
  const revoke = async () => {
    try {
      await revokeKey(item.id);
      toast({ text: `“${item.name}” is revoked.` });
    } catch (error) {
      toastError(error, 'The key was not revoked');
      setSure(false);
    }
  };
  return (
    <tr>
      <th scope="row">{item.name}</th>
      <td>
        <code>{item.prefix}…</code>
      </td>
      <td>{item.role ?? 'None'}</td>
      <td>
        <RelativeTime at={item.created_at} /> <span className={css.soft}>by {item.created_by}</span>
      </td>
      <td>{item.last_used_at ? <RelativeTime at={item.last_used_at} /> : <span className={css.soft}>Never</span>}</td>
      <td>
        <KeyState item={item} />
        {!item.revoked_at && item.expires_at && (
          <span className={css.until}>
            expires <RelativeTime at={item.expires_at} />
          </span>
        )}
      </td>
      <td className={css.act}>
        {!item.revoked_at && !sure && (
          <Button variant="default" size="xs" aria-label={`Revoke ${item.name}`} onClick={() => setSure(true)}>
            Revoke
          </Button>
        )}
        {!item.revoked_at && sure && (
          <Button color="red.8" size="xs" autoFocus onBlur={() => setSure(false)} onClick={() => void revoke()}>
            Revoke for good
          </Button>
        )}
      </td>
    </tr>
  );
}
