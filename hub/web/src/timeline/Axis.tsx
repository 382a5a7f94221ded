// The upper edge of the timeline, and its lines through all rows.
import type { CSSProperties } from 'react';
import type { Scale } from './scale';
import { lasted } from './time';
import css from './timeline.module.css';

const at = (x: number): CSSProperties => ({ insetInlineStart: `${x * 100}%` });

export function AxisLabels({ scale }: { scale: Scale }) {
  return (
    <div className={css.axis} aria-hidden>
      <span className={css.tick} style={at(0)}>
        0
      </span>
      {scale.ticks.map((tick) =>
        tick.offset === null ? null : (
          <span key={tick.at} className={css.tick} style={at(tick.x)}>
            +{lasted(tick.offset)}
          </span>
        ),
      )}
      {scale.segments.map((segment) =>
        segment.broken ? (
          <span
            key={segment.from}
            className={css.gap}
            style={{ ...at(segment.left), width: `${(segment.right - segment.left) * 100}%` }}
            title={`${lasted(segment.to - segment.from)} in which nothing worked, drawn shorter`}
          />
        ) : null,
      )}
    </div>
  );
}

/** `now`: of a run that goes on. */
export function GridLines({ scale, now }: { scale: Scale; now: number | null }) {
  return (
    <div className={css.grid} aria-hidden>
      {scale.ticks.map((tick) => (
        <span key={tick.at} className={css.line} style={at(tick.x)} />
      ))}
      {scale.segments.map((segment) =>
        segment.broken ? (
          <span
            key={segment.from}
            className={css.band}
            style={{ ...at(segment.left), width: `${(segment.right - segment.left) * 100}%` }}
          />
        ) : null,
      )}
      {now !== null && now < scale.to && <span className={css.now} style={at(scale.x(now))} />}
    </div>
  );
}
