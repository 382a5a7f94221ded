// Whether a condition holds in the event that is looked at: an icon and a word.
import { IconCheck, IconX } from '@tabler/icons-react';
import type { ConditionTrace } from '@/api/types';
import css from './conditions.module.css';

export function Result({ trace }: { trace: ConditionTrace | undefined }) {
  if (trace?.result === undefined) return null;
  const Mark = trace.result ? IconCheck : IconX;
  return (
    <span className={css.result} data-true={trace.result || undefined}>
      <Mark size={13} stroke={2.4} aria-hidden />
      {trace.result ? 'true' : 'false'}
    </span>
  );
}
