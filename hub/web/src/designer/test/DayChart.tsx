// Bars by day: what would run, what is filtered out, what a guard keeps back; and a line of what the version in force ran.
import { useState } from 'react';
import css from './backtest.module.css';
import { type Bar, highest, roundUp } from './past';

const HEIGHT = 140;
const LEFT = 34;
const BOTTOM = 20;
const WIDTH = 480;

const short = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });
const words = (bar: Bar) =>
  `${short.format(new Date(bar.day))}: ${bar.parts.runs} would run, ${bar.parts.filtered} filtered out, ${bar.parts.suppressed} suppressed, ${bar.parts.failed} failed` +
  (bar.before ? `; ${bar.before.runs} ran under the version in force` : '');

export function DayChart({ bars }: { bars: Bar[] }) {
  const [pointed, setPointed] = useState<Bar | null>(null);
  const most = roundUp(highest(bars));
  const room = (WIDTH - LEFT) / bars.length;
  const wide = Math.max(1.5, Math.min(26, room * 0.72));
  const y = (number: number) => HEIGHT - (number / most) * (HEIGHT - 8);
  const x = (index: number) => LEFT + index * room + (room - wide) / 2;
  const compared = bars.some((one) => one.before !== null);
  const every = Math.ceil(bars.length / 6);
  return (
    <figure className={css.chart}>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT + BOTTOM}`}
        role="img"
        aria-label={`By day, of ${bars.length} days. The table below has the figures.`}
      >
        {(most % 2 === 0 ? [0, most / 2, most] : [0, most]).map((one) => (
          <g key={one}>
            <line className={css.grid} x1={LEFT} x2={WIDTH} y1={y(one)} y2={y(one)} />
            <text className={css.axis} x={LEFT - 6} y={y(one) + 4} textAnchor="end">
              {one.toLocaleString('en')}
            </text>
          </g>
        ))}
        {bars.map((bar, index) => (
          <Column key={bar.day} bar={bar} x={x(index)} wide={wide} y={y} />
        ))}
        {compared && <path className={css.before} d={outline(bars, room, y)} />}
        {bars.map((bar, index) => (
          <g key={bar.day}>
            {index % every === 0 && (
              <text className={css.axis} x={LEFT + index * room + room / 2} y={HEIGHT + 15} textAnchor="middle">
                {short.format(new Date(bar.day))}
              </text>
            )}
            <rect
              className={css.hit}
              x={LEFT + index * room}
              y={0}
              width={room}
              height={HEIGHT}
              onPointerEnter={() => setPointed(bar)}
              onPointerLeave={() => setPointed(null)}
            />
          </g>
        ))}
      </svg>
      <figcaption>
        {pointed ? (
          words(pointed)
        ) : (
          <>
            <i data-part="runs" /> would run <i data-part="suppressed" /> suppressed <i data-part="filtered" /> filtered
            out
            {compared && (
              <>
                <i data-part="before" /> ran under the version in force
              </>
            )}
          </>
        )}
      </figcaption>
      <details className={css.table}>
        <summary>As a table</summary>
        <table>
          <thead>
            <tr>
              <th>Day</th>
              <th>Events</th>
              <th>Would run</th>
              <th>Filtered</th>
              <th>Suppressed</th>
              <th>Failed</th>
              {compared && <th>In force</th>}
            </tr>
          </thead>
          <tbody>
            {bars
              .filter((one) => one.events > 0)
              .map((one) => (
                <tr key={one.day}>
                  <th scope="row">{short.format(new Date(one.day))}</th>
                  <td>{one.events}</td>
                  <td>{one.parts.runs}</td>
                  <td>{one.parts.filtered}</td>
                  <td>{one.parts.suppressed}</td>
                  <td>{one.parts.failed}</td>
                  {one.before && <td>{one.before.runs}</td>}
                </tr>
              ))}
          </tbody>
        </table>
      </details>
    </figure>
  );
}

function Column({ bar, x, wide, y }: { bar: Bar; x: number; wide: number; y: (number: number) => number }) {
  const { runs, failed, suppressed, filtered } = bar.parts;
  const parts: [string, number, number][] = [
    ['runs', 0, runs - failed],
    ['failed', runs - failed, runs],
    ['suppressed', runs, runs + suppressed],
    ['filtered', runs + suppressed, runs + suppressed + filtered],
  ];
  return parts
    .filter(([, from, to]) => to > from)
    .map(([part, from, to]) => (
      <rect
        key={part}
        data-part={part}
        className={css.bar}
        x={x}
        y={y(to)}
        width={wide}
        height={Math.max(1, y(from) - y(to) - 0.5)}
      />
    ));
}

/** A step a day, as high as what the version in force ran. */
function outline(bars: Bar[], room: number, y: (number: number) => number): string {
  return bars
    .map(({ before }, index) => {
      const top = y(before?.runs ?? 0);
      return `${index === 0 ? 'M' : 'L'}${LEFT + index * room} ${top}L${LEFT + (index + 1) * room} ${top}`;
    })
    .join('');
}
