// Seven days of a workflow: runs above the line, completed and failed; what was filtered out below it.
import type { DayCounts } from '@/api/types';
import css from './DayBars.module.css';
import { count } from './words';

const WIDTH = 9;
const GAP = 3;
const UP = 19;
const DOWN = 7;

const weekday = new Intl.DateTimeFormat('en-GB', { weekday: 'short', day: 'numeric', month: 'short', timeZone: 'UTC' });

/** A bar's height: at least a pixel and a half for anything at all. */
function height(number: number, most: number, room: number): number {
  return number === 0 ? 0 : Math.max(1.5, (number / most) * room);
}

export function totals(days: DayCounts[]) {
  const sum = { completed: 0, failed: 0, filtered: 0, other: 0 };
  for (const day of days) {
    sum.completed += day.completed;
    sum.failed += day.failed;
    sum.filtered += day.filtered;
    sum.other += day.other;
  }
  return sum;
}

function words({ completed, failed, filtered }: { completed: number; failed: number; filtered: number }): string {
  return `${count(completed, 'run')} completed, ${failed.toLocaleString('en')} failed, ${filtered.toLocaleString('en')} filtered out`;
}

export function DayBars({ days }: { days: DayCounts[] }) {
  const mostUp = Math.max(1, ...days.map((day) => day.completed + day.failed));
  const mostDown = Math.max(1, ...days.map((day) => day.filtered));
  const label = `Last ${days.length} days: ${words(totals(days))}`;
  return (
    <svg
      className={css.bars}
      width={days.length * (WIDTH + GAP) - GAP}
      height={UP + DOWN + 2}
      role="img"
      aria-label={label}
    >
      {days.map((day, index) => {
        const x = index * (WIDTH + GAP);
        const failed = height(day.failed, mostUp, UP);
        const completed = Math.min(UP - failed, height(day.completed, mostUp, UP));
        return (
          <g key={day.day}>
            <title>{`${weekday.format(new Date(day.day))}: ${words(day)}`}</title>
            <rect className={css.ground} x={x} y={0} width={WIDTH} height={UP + DOWN + 2} />
            <rect className={css.ok} x={x} y={UP - completed} width={WIDTH} height={completed} rx={1} />
            <rect
              className={css.bad}
              x={x}
              y={UP - completed - failed}
              width={WIDTH}
              height={Math.max(0, failed - 0.5)}
              rx={1}
            />
            <rect className={css.line} x={x} y={UP} width={WIDTH} height={1} />
            <rect
              className={css.filtered}
              x={x}
              y={UP + 2}
              width={WIDTH}
              height={height(day.filtered, mostDown, DOWN)}
              rx={1}
            />
          </g>
        );
      })}
    </svg>
  );
}
