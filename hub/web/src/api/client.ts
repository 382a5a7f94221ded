// One way to the Hub: same origin, problems thrown as a typed error, a key on every write so that a retry can't do it twice.
import type { Fault, ProblemDocument } from './types';

export const BASE = '/api/v1';

export type Query = Record<string, string | number | boolean | readonly string[] | null | undefined>;

/** What the Hub refused, as RFC 9457 tells it. `status` 0: it could not be reached. */
export class Problem extends Error {
  readonly status: number;
  readonly title: string;
  readonly type: string;
  readonly faults: Fault[];
  /** Where an event's id alone does not say which is meant: who sent one. */
  readonly sources: string[];

  constructor(document: Partial<ProblemDocument> & { status: number; sources?: string[] }) {
    super(document.detail || document.title || `The Hub answered ${document.status}.`);
    this.name = 'Problem';
    this.status = document.status;
    this.title = document.title ?? 'Something went wrong';
    this.type = document.type ?? 'about:blank';
    this.faults = document.faults ?? [];
    this.sources = document.sources ?? [];
  }
}

export function isProblem(error: unknown, status?: number): error is Problem {
  return error instanceof Problem && (status === undefined || error.status === status);
}

/** An address below /api/v1; empty values are left out, lists are joined by commas. */
export function address(path: string, query?: Query): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value === undefined || value === null || value === '' || value === false) continue;
    const text = Array.isArray(value) ? value.join(',') : String(value);
    if (text !== '') search.set(name, text);
  }
  const text = search.toString();
  return `${BASE}${path}${text ? `?${text}` : ''}`;
}

/** Text in a path's segment: an id may hold anything. */
export function segment(text: string | number): string {
  return encodeURIComponent(String(text));
}

async function problemOf(response: Response): Promise<Problem> {
  const body: unknown = await response.json().catch(() => null);
  const document = body && typeof body === 'object' ? (body as Partial<ProblemDocument>) : {};
  return new Problem({ ...document, status: response.status, title: document.title ?? response.statusText });
}

let signedOut: () => void = () => undefined;

/** Calls `listener` when the Hub says that nobody is signed in any more. */
export function onSignedOut(listener: () => void): void {
  signedOut = listener;
}

async function ask(url: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { credentials: 'same-origin', ...init });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new Problem({
      status: 0,
      title: 'The Hub can’t be reached',
      detail: 'The Hub does not answer. Is it running?',
    });
  }
  if (response.ok) return response;
  if (response.status === 401) signedOut();
  throw await problemOf(response);
}

/** GET, as JSON. */
export async function get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
  const response = await ask(address(path, query), { headers: { Accept: 'application/json' }, signal });
  return (await response.json()) as T;
}

/** GET, as text: exports. */
export async function getText(path: string, query?: Query, signal?: AbortSignal): Promise<string> {
  const response = await ask(address(path, query), { headers: { Accept: '*/*' }, signal });
  return response.text();
}

/** A key that no other write has: the Hub answers a repeated one with the first answer. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export interface Sending {
  query?: Query;
  /** The version that the change is based on: the Hub refuses with 412 if another one is in force. */
  version?: number;
  /** The content type of a body that is text already. */
  contentType?: string;
  key?: string;
  signal?: AbortSignal;
}

export type Method = 'POST' | 'PUT' | 'DELETE';

/** A write, or a question that needs a body. `undefined` where the Hub answers with nothing. */
export async function send<T>(method: Method, path: string, body?: unknown, options: Sending = {}): Promise<T> {
  const headers: Record<string, string> = {
    Accept: 'application/json',
    'X-Onestack': '1',
    'Idempotency-Key': options.key ?? newKey(),
  };
  if (options.version !== undefined) headers['If-Match'] = `"${options.version}"`;
  let content: string | undefined;
  if (body !== undefined) {
    headers['Content-Type'] = options.contentType ?? 'application/json';
    content = typeof body === 'string' && options.contentType ? body : JSON.stringify(body);
  }
  const response = await ask(address(path, options.query), { method, headers, body: content, signal: options.signal });
  const text = await response.text();
  return (text ? JSON.parse(text) : undefined) as T;
}
