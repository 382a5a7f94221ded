// A value, as a person reads it or as JSON: the reader's choice holds for all of them.
import { IconBraces, IconListDetails } from '@tabler/icons-react';
import { type ReactNode, useSyncExternalStore } from 'react';
import type { Json } from '@/api/types';
import { CopyButton } from './CopyButton';
import { JsonView } from './JsonView';
import css from './ValueView.module.css';

const KEY = 'onestack.json';
const listeners = new Set<() => void>();
let asJson: boolean | undefined;

function wantsJson(): boolean {
  asJson ??= localStorage.getItem(KEY) === 'json';
  return asJson;
}

function choose(json: boolean): void {
  asJson = json;
  localStorage.setItem(KEY, json ? 'json' : 'read');
  for (const listener of listeners) listener();
}

function useJson(): boolean {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, wantsJson);
}

/** A titled value with its two views and a button that copies it. */
export function ValueView({ title, value, note }: { title: string; value: Json | undefined; note?: ReactNode }) {
  const json = useJson();
  const structured = typeof value === 'object' && value !== null;
  return (
    <section className={css.view} aria-label={title}>
      <header className={css.head}>
        <span className={css.title}>{title}</span>
        {note}
        <span className={css.space} />
        {structured && (
          <button
            type="button"
            className={css.act}
            onClick={() => choose(!json)}
            aria-pressed={json}
            aria-label={`${title} as JSON`}
            title={json ? 'Show as a list' : 'Show as JSON'}
          >
            {json ? <IconListDetails size={15} aria-hidden /> : <IconBraces size={15} aria-hidden />}
          </button>
        )}
        {value !== undefined && value !== null && !(json && structured) && (
          <CopyButton text={textOf(value)} label={`Copy ${title}`} />
        )}
      </header>
      {json && structured ? <JsonView value={value} label={title} /> : <Readable value={value} />}
    </section>
  );
}

function textOf(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value, null, 2);
}

/** A value as names and values, nested ones indented. */
export function Readable({ value }: { value: Json | undefined }) {
  if (value === undefined || value === null || value === '') return <p className={css.nothing}>Nothing</p>;
  if (typeof value !== 'object') return <p className={css.text}>{String(value)}</p>;
  const pairs: [string, Json][] = Array.isArray(value)
    ? value.map((one, index) => [String(index + 1), one])
    : Object.entries(value);
  if (pairs.length === 0) return <p className={css.nothing}>{Array.isArray(value) ? 'An empty list' : 'Nothing'}</p>;
  return (
    <dl className={css.list}>
      {pairs.map(([name, one]) => (
        <div key={name} className={css.pair} data-nested={isNested(one) || undefined}>
          <dt>{name}</dt>
          <dd>{isNested(one) ? <Nested name={name} value={one} /> : <Scalar value={one} />}</dd>
        </div>
      ))}
    </dl>
  );
}

const MANY = 8;

/** What is inside a value; of much only how much, until it is unfolded. */
function Nested({ name, value }: { name: string; value: Json }) {
  const leaves = leavesOf(value);
  if (leaves <= MANY) return <Readable value={value} />;
  return (
    <details className={css.folded}>
      <summary aria-label={`${name}: ${leaves} values`}>{leaves} values</summary>
      <Readable value={value} />
    </details>
  );
}

function leavesOf(value: Json): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce<number>((sum, one) => sum + leavesOf(one), 0);
}

function isNested(value: Json): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Array.isArray(value)
    ? value.some((one) => typeof one === 'object' && one !== null)
    : Object.keys(value).length > 0;
}

function Scalar({ value }: { value: Json }) {
  if (value === null) return <span className={css.nothing}>null</span>;
  if (value === '') return <span className={css.nothing}>empty</span>;
  if (Array.isArray(value)) {
    return value.length > 0 ? value.map(String).join(', ') : <span className={css.nothing}>an empty list</span>;
  }
  if (typeof value === 'object') return <span className={css.nothing}>nothing</span>;
  return String(value);
}
