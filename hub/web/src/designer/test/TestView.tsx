// The test: the path that an event takes, lit on the flowchart, and beside it what would be done; or the past, day by day.
import { lazy, Suspense, useCallback, useMemo, useState } from 'react';
import type { Definition } from '@/api/types';
import { Flow } from '@/flow';
import { useDesigner } from '../context';
import css from '../Designer.module.css';
import { EventSetting } from './EventSetting';
import { Outcome } from './Outcome';
import test from './test.module.css';
import { NO_CHANGES, type Setting, statusOf } from './trial';
import { useAddressEvent } from './useAddressEvent';
import { useTrial } from './useTrial';

const Backtest = lazy(() => import('./Backtest'));

type What = 'event' | 'past';

export function TestView({ whole }: { whole: Definition }) {
  const { definition, catalogue, event } = useDesigner();
  useAddressEvent();
  const [what, setWhat] = useState<What>('event');
  const [setting, setSetting] = useState<Setting>(NO_CHANGES);
  const [pointed, setPointed] = useState<string | null>(null);
  const [selected, setSelected] = useState<string | null>(null);
  const envelope = event?.id ? event.envelope : null;
  const asked = useMemo(() => ({ ...setting, envelope }), [setting, envelope]);
  const trial = useTrial(whole, asked);
  const { simulation } = trial;
  const status = what === 'event' && simulation ? statusOf(definition, simulation) : null;
  const select = useCallback((key: string | null) => {
    setSelected(key);
    if (key)
      document
        .querySelector(`[data-outcome="${CSS.escape(key)}"]`)
        ?.scrollIntoView({ block: 'start', behavior: 'smooth' });
  }, []);

  return (
    <div className={css.designer}>
      <div className={css.canvas}>
        <Flow
          definition={definition}
          catalogue={catalogue}
          status={status}
          selected={selected}
          highlight={pointed}
          onSelect={select}
          onHover={setPointed}
        />
      </div>
      <aside className={test.panel} aria-label="Test">
        <div className={test.kinds} role="tablist" aria-label="What is tried">
          <Kind id="event" label="One event" now={what} onPick={setWhat} />
          <Kind id="past" label="The past" now={what} onPick={setWhat} />
        </div>
        <div className={test.body} role="tabpanel" aria-label={what === 'event' ? 'One event' : 'The past'}>
          {what === 'past' ? (
            <Suspense fallback={<p className={test.soft}>Loading …</p>}>
              <Backtest definition={whole} />
            </Suspense>
          ) : (
            <>
              <EventSetting setting={setting} onChange={setSetting} />
              <Outcome
                trial={trial}
                pointed={pointed}
                selected={selected}
                onPoint={setPointed}
                onSelect={setSelected}
              />
            </>
          )}
        </div>
      </aside>
    </div>
  );
}

function Kind({ id, label, now, onPick }: { id: What; label: string; now: What; onPick: (what: What) => void }) {
  const other: What = id === 'event' ? 'past' : 'event';
  return (
    <button
      type="button"
      role="tab"
      aria-selected={id === now}
      tabIndex={id === now ? 0 : -1}
      onClick={() => onPick(id)}
      onKeyDown={(event) => {
        if (event.key !== 'ArrowRight' && event.key !== 'ArrowLeft') return;
        onPick(other);
        (event.currentTarget.parentElement?.querySelector('[aria-selected="false"]') as HTMLElement | null)?.focus();
      }}
    >
      {label}
    </button>
  );
}
