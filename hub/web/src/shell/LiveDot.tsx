import { useLive } from '@/api/live';
import css from './LiveDot.module.css';

const WORDS = { open: 'Live', connecting: 'Connecting…', off: 'Not live' };
const TITLES = {
  open: 'Changes appear here as they happen',
  connecting: 'The stream of changes is being opened; until then the page asks from time to time',
  off: 'The stream of changes is closed',
};

/** Whether what the page shows is of this moment. */
export function LiveDot() {
  const live = useLive();
  return (
    <div className={css.live} data-live={live} title={TITLES[live]} role="status">
      <span className={css.dot} aria-hidden />
      <span className={css.words}>{WORDS[live]}</span>
    </div>
  );
}
