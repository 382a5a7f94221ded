// One card of the flowchart: icon, title, a sentence with its variables as chips, and what became of it.
import { IconAlertCircle, IconGripVertical } from '@tabler/icons-react';
import { type KeyboardEvent, memo } from 'react';
import classes from './flow.module.css';
import { type Icon, STATES } from './icons';
import type { Sentence } from './pieces';
import type { CardStatus } from './status';

export interface CardFace {
  icon: Icon;
  over?: string; // a word above the title: When, Only if
  title: string;
  sentence: Sentence;
  notes?: string[]; // what else holds
  ghost?: boolean; // nothing there yet
}

export interface CardProps {
  id: string; // its key
  face: CardFace;
  number?: string; // for who hears it: Step 2 of 3
  status?: CardStatus | undefined;
  quiet?: boolean; // not reached, where others were
  faults?: number;
  warnings?: number;
  selected?: boolean;
  lit?: boolean; // pointed at, here or elsewhere
  focusable?: boolean; // the one card that Tab comes to
  movable?: boolean;
  onSelect?: (key: string) => void;
  onHover?: (key: string | null) => void;
  onKey?: (event: KeyboardEvent, key: string) => void;
}

export function Words({ sentence }: { sentence: Sentence }) {
  return sentence.map((piece, index) => {
    const key = `${index}${piece.text}`;
    if (piece.kind === 'text') return <span key={key}>{piece.text}</span>;
    return (
      <span key={key} className={classes[piece.kind]} title={piece.whole}>
        {piece.text}
      </span>
    );
  });
}

function StatusLine({ status }: { status: CardStatus }) {
  const { icon: Mark, word, tone } = STATES[status.state];
  return (
    <div className={classes.status} data-tone={tone}>
      <span className={status.state === 'running' ? classes.turning : undefined}>
        <Mark size={14} stroke={2.4} aria-hidden />
      </span>
      <span>{status.word ?? word}</span>
      {status.note && <span className={classes.note}>{status.note}</span>}
    </div>
  );
}

export const Card = memo(function Card(props: CardProps) {
  const { id, face, status, faults = 0, warnings = 0, onSelect, onHover, onKey } = props;
  const { icon: Mark } = face;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a real button can't be dragged in every browser
    <div
      role="button"
      tabIndex={props.focusable ? 0 : -1}
      className={classes.card}
      data-card={id}
      data-tone={status ? STATES[status.state].tone : undefined}
      data-quiet={props.quiet || undefined}
      data-selected={props.selected || undefined}
      data-lit={props.lit || undefined}
      data-ghost={face.ghost || undefined}
      data-faulty={(faults > 0 && !face.ghost) || undefined}
      data-movable={props.movable || undefined}
      aria-pressed={onSelect ? Boolean(props.selected) : undefined}
      onClick={() => onSelect?.(id)}
      onKeyDown={(event) => onKey?.(event, id)}
      onPointerEnter={() => onHover?.(id)}
      onPointerLeave={() => onHover?.(null)}
      onFocus={() => onHover?.(id)}
      onBlur={() => onHover?.(null)}
    >
      <span className={classes.tile}>
        <Mark size={17} stroke={1.8} aria-hidden />
      </span>
      <span className={classes.words}>
        {props.number && <span className={classes.hidden}>{props.number}: </span>}
        {face.over && <span className={classes.over}>{face.over}</span>}
        <span className={classes.title}>{face.title}</span>
        {face.sentence.length > 0 && (
          <span className={classes.sentence}>
            <Words sentence={face.sentence} />
          </span>
        )}
        {face.notes?.map((one) => (
          <span key={one} className={classes.also}>
            {one}
          </span>
        ))}
        {status && <StatusLine status={status} />}
      </span>
      {props.movable && (
        <span className={classes.grip} aria-hidden>
          <IconGripVertical size={14} />
        </span>
      )}
      {!face.ghost && (faults > 0 || warnings > 0) && (
        <span className={classes.mark} data-tone={faults > 0 ? 'bad' : 'wait'}>
          <IconAlertCircle size={14} stroke={2.2} aria-hidden />
          {faults || warnings}
          <span className={classes.hidden}> {faults > 0 ? 'wrong or missing' : 'to be looked at'}</span>
        </span>
      )}
    </div>
  );
});
