// What can be done about the runs that are selected.
import { Button, CloseButton } from '@mantine/core';
import { IconBan, IconPlayerSkipForward, IconRefresh } from '@tabler/icons-react';
import { lazy, Suspense, useState } from 'react';
import type { RunBrief } from '@/api/types';
import { count } from '@/parts/words';
import css from './runs.module.css';
import type { SteerAction } from './steering';
import { subjectOf } from './words';

const SteerDialog = lazy(() => import('./SteerDialog'));

export function SelectionBar({ rows, onClear }: { rows: RunBrief[]; onClear: () => void }) {
  const [asked, setAsked] = useState<SteerAction | null>(null);
  const icon = { size: 16, 'aria-hidden': true } as const;
  return (
    <section className={css.bar} aria-label="Selected runs">
      <strong>{count(rows.length, 'run')} selected</strong>
      <div className={css.acts}>
        <Button variant="default" leftSection={<IconPlayerSkipForward {...icon} />} onClick={() => setAsked('resume')}>
          Resume
        </Button>
        <Button variant="default" leftSection={<IconRefresh {...icon} />} onClick={() => setAsked('rerun')}>
          Run again
        </Button>
        <Button variant="default" leftSection={<IconBan {...icon} />} onClick={() => setAsked('cancel')}>
          Cancel
        </Button>
      </div>
      <CloseButton aria-label="Select none" onClick={onClear} />
      {asked && (
        <Suspense fallback={null}>
          <SteerDialog
            action={asked}
            runs={rows.map((row) => ({ ...row, name: subjectOf(row).name }))}
            onClose={() => setAsked(null)}
            onDone={onClear}
          />
        </Suspense>
      )}
    </section>
  );
}
