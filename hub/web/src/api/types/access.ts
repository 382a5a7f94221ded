// Who asks, and what they may.

import type { Row } from './common';

export type Permission =
  | 'hub.workflows.read'
  | 'hub.workflows.write'
  | 'hub.workflows.run'
  | 'hub.keys.manage'
  | 'hub.audit.read';

export interface Session {
  org: string;
  person: string;
  role: string | null;
  kind: 'token' | 'key' | 'development';
  permissions: Permission[];
  expires_at: string | null;
  now?: string; // what time it is for the Hub: after a demo, weeks ahead of the browser's clock
}

export interface SignInOptions {
  development: boolean;
  orgs: string[];
  roles: string[];
  sign_in_url: string | null;
}

export interface ApiKey {
  id: string;
  name: string;
  prefix: string; // tos_abcd: what may be shown
  role: string | null;
  permissions: Permission[];
  created_at: string;
  created_by: string;
  expires_at: string | null;
  last_used_at: string | null;
  revoked_at: string | null;
  revoked_by: string | null;
}

export interface NewApiKey extends ApiKey {
  key: string; // whole, this once
}

export interface AuditRecord {
  id: string;
  at: string;
  who: string;
  kind: Session['kind'];
  role: string | null;
  action: string; // workflow.enable
  target: string; // workflow/alert-to-ticket
  outcome: 'begun' | 'done' | 'refused' | 'failed'; // begun: the Hub was stopped before it could tell
  problem: string | null; // why it was refused or failed
  details: Row;
  finished_at: string | null;
}
