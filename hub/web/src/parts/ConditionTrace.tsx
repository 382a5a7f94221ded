// A condition as it was evaluated: each comparison with what was wanted and what there was.
import { IconCheck, IconX } from '@tabler/icons-react';
import type { ConditionTrace as Trace } from '@/api/types';
import css from './ConditionTrace.module.css';
import { decisive, insideOf, leafWords, numbered } from './trace';

/** The whole tree; what made it false stands out. */
export function ConditionTrace({ trace, label }: { trace: Trace; label?: string }) {
  const blamed = decisive(trace);
  return (
    <ul className={css.tree} aria-label={label ?? 'Conditions'}>
      <Node trace={trace} blamed={blamed} />
    </ul>
  );
}

/** Comparisons without their groups: those that kept something from running. */
export function ConditionLeaves({ leaves }: { leaves: Trace[] }) {
  const blamed = new Set(leaves);
  return (
    <ul className={css.tree}>
      {numbered(leaves).map(({ trace, key }) => (
        <Leaf key={key} leaf={trace} blamed={blamed.has(trace)} />
      ))}
    </ul>
  );
}

function Node({ trace, blamed }: { trace: Trace; blamed: Set<Trace> }) {
  const inner = insideOf(trace);
  if (inner.length === 0 && trace.field !== undefined) return <Leaf leaf={trace} blamed={blamed.has(trace)} />;
  const words = trace.not ? 'Not' : trace.any ? 'Any of these' : 'All of these';
  return (
    <li>
      <div className={css.group}>
        <Mark result={trace.result} />
        {words}
      </div>
      <ul className={css.inner}>
        {numbered(inner).map((one) => (
          <Node key={one.key} trace={one.trace} blamed={blamed} />
        ))}
      </ul>
    </li>
  );
}

function Leaf({ leaf, blamed }: { leaf: Trace; blamed: boolean }) {
  const words = leafWords(leaf);
  return (
    <li className={css.leaf} data-blamed={blamed || undefined}>
      <Mark result={leaf.result} blamed={blamed} />
      <span className={css.words}>
        <span className={css.field}>{words.field}</span> {words.op}
        {words.wanted !== null && (
          <>
            {' '}
            <span className={css.value}>{words.wanted}</span>
          </>
        )}
      </span>
      <span className={css.actual} data-missing={words.missing || undefined}>
        {words.actual}
        {leaf.note && <span className={css.note}> · {leaf.note}</span>}
      </span>
    </li>
  );
}

function Mark({ result, blamed }: { result: boolean | undefined; blamed?: boolean }) {
  if (result === undefined) {
    return (
      <span className={css.mark} title="Not evaluated">
        –
      </span>
    );
  }
  const Icon = result ? IconCheck : IconX;
  return (
    <span className={css.mark} data-tone={result ? 'ok' : blamed ? 'bad' : 'mute'}>
      <Icon size={14} stroke={2.4} aria-hidden />
      <span className={css.hidden}>{result ? 'True:' : 'False:'}</span>
    </span>
  );
}
