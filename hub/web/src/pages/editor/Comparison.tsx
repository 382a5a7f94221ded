// Two versions against each other: in words, as flowcharts, or as text side by side.
import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { queries } from '@/api/queries';
import type { Change } from '@/api/types';
import { besideEachOther, type Line } from '@/designer/model/lines';
import { Flow } from '@/flow';
import { Trouble } from '@/shell/ErrorPages';
import css from './versions.module.css';

type How = 'words' | 'chart' | 'text';
const WAYS: { how: How; label: string }[] = [
  { how: 'words', label: 'In words' },
  { how: 'chart', label: 'Flowchart' },
  { how: 'text', label: 'Side by side' },
];

export function Comparison({ id, from, to }: { id: string; from: number | null; to: number }) {
  const [how, setHow] = useState<How>(from === null ? 'chart' : 'words');
  const shown: How = from === null && how === 'words' ? 'chart' : how;
  return (
    <>
      <div className={css.ways}>
        {WAYS.filter((one) => from !== null || one.how !== 'words').map((one) => (
          <button key={one.how} type="button" aria-pressed={one.how === shown} onClick={() => setHow(one.how)}>
            {one.label}
          </button>
        ))}
      </div>
      {shown === 'words' && from !== null && <Words id={id} from={from} to={to} />}
      {shown === 'chart' && <Chart id={id} version={to} />}
      {shown === 'text' && <Text id={id} from={from} to={to} />}
    </>
  );
}

const KINDS: Record<Change['kind'], string> = {
  added: 'Added',
  removed: 'Removed',
  changed: 'Changed',
  moved: 'Moved',
};

function Words({ id, from, to }: { id: string; from: number; to: number }) {
  const [older, newer] = from < to ? [from, to] : [to, from];
  const { data, error } = useQuery(queries.diff(id, older, newer));
  if (error) return <Trouble error={error} />;
  if (!data) return <p className={css.soft}>Comparing …</p>;
  if (data.changes.length === 0) return <p className={css.soft}>Nothing differs.</p>;
  return (
    <>
      <p className={css.soft}>
        From version {older} to version {newer}:
      </p>
      <ul className={css.changes}>
        {data.changes.map((one) => (
          <li key={`${one.kind}${one.path}`} data-kind={one.kind}>
            <b>{KINDS[one.kind]}</b>
            <span>
              {one.words}
              <code>{one.path}</code>
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}

function Chart({ id, version }: { id: string; version: number }) {
  const { data } = useQuery(queries.version(id, version));
  const { data: catalogue } = useQuery(queries.catalogue());
  if (!data) return <p className={css.soft}>Loading …</p>;
  return (
    <div className={css.chart}>
      <Flow definition={data.definition} catalogue={catalogue ?? null} label={`Flowchart of version ${version}`} />
    </div>
  );
}

/** Without what every version has another of, or all the same. */
const bare = (yaml: string) => yaml.replace(/^(?:org|version): .*\n/gm, '');

function Text({ id, from, to }: { id: string; from: number | null; to: number }) {
  const now = useQuery(queries.version(id, to));
  const old = useQuery({ ...queries.version(id, from ?? to), enabled: from !== null });
  const rows = useMemo(() => {
    if (!now.data || (from !== null && !old.data)) return null;
    return besideEachOther(bare(from === null ? now.data.yaml : (old.data?.yaml ?? '')), bare(now.data.yaml));
  }, [now.data, old.data, from]);
  if (!rows) return <p className={css.soft}>Loading …</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls can be scrolled by keyboard
    <section className={css.text} aria-label="Both texts" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th>Version {from ?? to}</th>
            <th>Version {to}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: lines have no other name
            <tr key={index}>
              <Side line={row.old} />
              <Side line={row.now} />
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Side({ line }: { line: Line | null }) {
  if (!line) return <td className={css.none} />;
  return (
    <td data-changed={line.changed || undefined}>
      {line.changed && <span className={css.hidden}>changed: </span>}
      {line.text || ' '}
    </td>
  );
}
