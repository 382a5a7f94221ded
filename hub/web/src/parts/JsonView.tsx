// A JSON value, coloured and foldable by the browser's own means: no code of an editor is loaded for it.
import type { Json } from '@/api/types';
import { CopyButton } from './CopyButton';
import css from './JsonView.module.css';

interface Props {
  value: Json;
  label?: string;
  /** To which depth it is open at first. */
  open?: number;
}

export function JsonView({ value, label = 'JSON', open = 2 }: Props) {
  return (
    <div className={css.view}>
      <div className={css.copy}>
        <CopyButton text={JSON.stringify(value, null, 2)} label={`Copy ${label}`} />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls can be scrolled by keyboard */}
      <section className={css.scroll} aria-label={label} tabIndex={0}>
        <Value value={value} depth={0} open={open} />
      </section>
    </div>
  );
}

function Value({ value, depth, open }: { value: Json; depth: number; open: number }) {
  if (value === null) return <span className={css.word}>null</span>;
  if (typeof value === 'string') return <span className={css.text}>{JSON.stringify(value)}</span>;
  if (typeof value !== 'object') return <span className={css.word}>{String(value)}</span>;
  const entries = Array.isArray(value)
    ? value.map((item, index) => [String(index), item] as const)
    : Object.entries(value);
  const [begin, end] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  if (entries.length === 0) return <span>{begin + end}</span>;
  return (
    <details className={css.group} open={depth < open}>
      <summary>
        {begin}
        <span className={css.folded}>
          {' '}
          {entries.length} {end}
        </span>
      </summary>
      <div className={css.inner}>
        {entries.map(([name, inner]) => (
          <div key={name} className={css.line}>
            {!Array.isArray(value) && <span className={css.name}>{name}: </span>}
            <Value value={inner} depth={depth + 1} open={open} />
          </div>
        ))}
      </div>
      {end}
    </details>
  );
}
