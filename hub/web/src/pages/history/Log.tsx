// The entries of the run log as they are: what everything else on the page is made of.
import { Switch } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { useState } from 'react';
import { BASE } from '@/api/client';
import type { Run, RunEntry } from '@/api/types';
import { wholeTime } from '@/parts/time';
import { ValueView } from '@/parts/ValueView';
import { lasted, millis } from '@/timeline/time';
import { entryTone, entryWords, isInternal } from './entries';
import css from './Log.module.css';

export function Log({ run }: { run: Run }) {
  const [all, setAll] = useState(false);
  const hidden = run.entries.filter((entry) => isInternal(entry, run.entries)).length;
  const shown = all ? run.entries : run.entries.filter((entry) => !isInternal(entry, run.entries));
  return (
    <section className={css.log} aria-label="Log">
      <header className={css.head}>
        <p className={css.lead}>
          Each entry of the run log about this run, in its order. Times count from the beginning.
        </p>
        {hidden > 0 && (
          <Switch
            size="xs"
            checked={all}
            onChange={(event) => setAll(event.currentTarget.checked)}
            label={`With ${hidden} of the engine’s own`}
          />
        )}
        <a
          className={css.download}
          href={`${BASE}/runs/${encodeURIComponent(run.run_id)}/log`}
          download={`run-${run.run_id}-log.json`}
        >
          <IconDownload size={15} aria-hidden /> Download
        </a>
      </header>
      <ol className={css.entries}>
        {shown.map((entry) => (
          <Entry key={entry.seq} entry={entry} begin={run.started_at} />
        ))}
      </ol>
    </section>
  );
}

function Entry({ entry, begin }: { entry: RunEntry; begin: string }) {
  const [open, setOpen] = useState(false);
  return (
    <li>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary className={css.row}>
          <span className={css.seq}>{entry.seq}</span>
          <time className={css.at} dateTime={entry.at} title={wholeTime(entry.at)}>
            +{lasted(Math.max(0, millis(entry.at) - millis(begin)))}
          </time>
          <span className={css.type} data-tone={entryTone(entry.type)}>
            {entry.type}
          </span>
          <span className={css.words}>{entryWords(entry)}</span>
        </summary>
        {open && (
          <div className={css.data}>
            <ValueView title={`Entry ${entry.seq}`} value={entry.data} />
          </div>
        )}
      </details>
    </li>
  );
}
