// The way in: the organisation's own sign-in, a token, or on a developer's machine a role to try.
import { Button, NativeSelect, PasswordInput, TextInput } from '@mantine/core';
import '@mantine/core/styles/PasswordInput.layer.css';
import { IconArrowRight, IconExternalLink, IconTool } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useLocation, useSearchParams } from 'wouter';
import { cache } from '@/api/cache';
import { queries } from '@/api/queries';
import type { Session, SignInOptions } from '@/api/types';
import { signInForDevelopment, signInWithToken } from '@/api/writes';
import { prepare } from '@/routes';
import { Mark } from './Mark';
import css from './SignInPage.module.css';
import { useTitle } from './title';

export default function SignInPage() {
  useTitle('Sign in');
  const { data: options, error } = useQuery(queries.signInOptions());
  return (
    <main className={css.page}>
      <div className={css.card}>
        <Mark size={40} />
        <h1>Sign in to the Hub</h1>
        {error && (
          <p className={css.trouble} role="alert">
            {error.message}
          </p>
        )}
        {options?.development && <DevelopmentForm options={options} />}
        {options && !options.development && <OwnSignIn options={options} />}
      </div>
    </main>
  );
}

/** Where to after signing in: only within the app. */
function useEntry(): (session: Session) => void {
  const [, navigate] = useLocation();
  const [search] = useSearchParams();
  return (session) => {
    const asked = search.get('back') ?? '';
    const back = /^\/(?![/\\])/.test(asked) && !asked.startsWith('/sign-in') ? asked : '/workflows';
    // What another person saw is forgotten.
    cache.clear();
    cache.setQueryData(queries.session().queryKey, session);
    prepare(back);
    navigate(back, { replace: true });
  };
}

function useSigningIn() {
  const enter = useEntry();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState('');
  const run = async (ask: Promise<Session>) => {
    setBusy(true);
    setError('');
    try {
      enter(await ask);
    } catch (problem) {
      setError(problem instanceof Error ? problem.message : String(problem));
      setBusy(false);
    }
  };
  return { busy, error, run };
}

function DevelopmentForm({ options }: { options: SignInOptions }) {
  const { busy, error, run } = useSigningIn();
  const [org, setOrg] = useState(options.orgs[0] ?? 'acme');
  const [role, setRole] = useState(options.roles.includes('Admin') ? 'Admin' : (options.roles[0] ?? ''));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void run(signInForDevelopment({ org, role }));
  };
  return (
    <form onSubmit={submit} className={css.form}>
      <p className={css.note}>
        <IconTool size={16} aria-hidden />
        <span>
          This Hub runs for development: choose who to be. Elsewhere people sign in with their organisation’s account.
        </span>
      </p>
      <div>
        <TextInput
          label="Organisation"
          value={org}
          onChange={(event) => setOrg(event.currentTarget.value)}
          required
          withAsterisk={false}
          autoComplete="off"
        />
        {options.orgs.length > 1 && (
          <fieldset className={css.orgs}>
            <legend>Organisations that have workflows or runs</legend>
            {options.orgs.map((one) => (
              <button key={one} type="button" aria-pressed={one === org} onClick={() => setOrg(one)}>
                {one}
              </button>
            ))}
          </fieldset>
        )}
      </div>
      <NativeSelect
        label="Role"
        data={options.roles}
        value={role}
        onChange={(event) => setRole(event.currentTarget.value)}
      />
      <Failure text={error} />
      <Button type="submit" size="md" fullWidth loading={busy} rightSection={<IconArrowRight size={17} aria-hidden />}>
        Sign in
      </Button>
    </form>
  );
}

function OwnSignIn({ options }: { options: SignInOptions }) {
  const { busy, error, run } = useSigningIn();
  const [token, setToken] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void run(signInWithToken(token.trim()));
  };
  return (
    <>
      {options.sign_in_url && (
        <Button
          component="a"
          href={options.sign_in_url}
          size="md"
          fullWidth
          rightSection={<IconExternalLink size={17} aria-hidden />}
        >
          Sign in with The One Stack
        </Button>
      )}
      <form onSubmit={submit} className={css.form}>
        <PasswordInput
          label={options.sign_in_url ? 'Or with a token' : 'Token'}
          description="A Hub token or an API key. It is kept in a cookie that scripts can’t read."
          value={token}
          onChange={(event) => setToken(event.currentTarget.value)}
          autoComplete="off"
          required
          withAsterisk={false}
        />
        <Failure text={error} />
        <Button type="submit" variant="default" fullWidth loading={busy}>
          Sign in with the token
        </Button>
      </form>
    </>
  );
}

function Failure({ text }: { text: string }) {
  if (!text) return null;
  return (
    <p className={css.trouble} role="alert">
      {text}
    </p>
  );
}
