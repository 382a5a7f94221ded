// What can be done about one run.
import { Button, Menu } from '@mantine/core';
import {
  IconBan,
  IconBraces,
  IconChevronDown,
  IconDownload,
  IconLink,
  IconPlayerSkipForward,
  IconRefresh,
} from '@tabler/icons-react';
import { lazy, Suspense, useState } from 'react';
import { useLocation } from 'wouter';
import { BASE, segment } from '@/api/client';
import { useMay } from '@/api/session';
import type { Run } from '@/api/types';
import { toast } from '@/shell/Toasts';
import css from './RunHeader.module.css';
import type { SteerAction } from './steering';
import { isOpen, subjectOf } from './words';

const SteerDialog = lazy(() => import('./SteerDialog'));

export function RunActions({ run }: { run: Run }) {
  const may = useMay('hub.workflows.run');
  const [, navigate] = useLocation();
  const [asked, setAsked] = useState<SteerAction | null>(null);
  const mended = run.status === 'failed' || run.status === 'cancelled';
  const icon = { size: 16, 'aria-hidden': true } as const;
  return (
    <div className={css.actions}>
      {may && mended && (
        <Button leftSection={<IconPlayerSkipForward {...icon} />} onClick={() => setAsked('resume')}>
          Resume
        </Button>
      )}
      {may && isOpen(run.status) && (
        <Button variant="default" leftSection={<IconBan {...icon} />} onClick={() => setAsked('cancel')}>
          Cancel
        </Button>
      )}
      {may && (
        <Button variant="default" leftSection={<IconRefresh {...icon} />} onClick={() => setAsked('rerun')}>
          Run again
        </Button>
      )}
      <Menu width={230}>
        <Menu.Target>
          <Button variant="default" px={10} aria-label="Share and download">
            <IconChevronDown {...icon} />
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconLink {...icon} />} onClick={() => void copyLink()}>
            Copy link
          </Menu.Item>
          <Menu.Item leftSection={<IconBraces {...icon} />} onClick={() => download(run)}>
            Download as JSON
          </Menu.Item>
          <Menu.Item
            leftSection={<IconDownload {...icon} />}
            component="a"
            href={`${BASE}/runs/${segment(run.run_id)}/log`}
            download={`run-${run.run_id}-log.json`}
          >
            Download the run log
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {asked && (
        <Suspense fallback={null}>
          <SteerDialog
            action={asked}
            runs={[{ ...run, name: subjectOf(run).name }]}
            onClose={() => setAsked(null)}
            onDone={([first]) => {
              if (first?.new_run_id) navigate(`/runs/${encodeURIComponent(first.new_run_id)}`);
            }}
          />
        </Suspense>
      )}
    </div>
  );
}

/** The address of the page is the link: without what is selected in it nothing would be lost, with it the other sees the same. */
async function copyLink(): Promise<void> {
  try {
    await navigator.clipboard.writeText(window.location.href);
    toast({ text: 'Link copied. It opens for everybody of your organisation.' });
  } catch {
    toast({ kind: 'trouble', text: 'The browser does not let this page copy. Take the address from its bar instead.' });
  }
}

function download(run: Run): void {
  const url = URL.createObjectURL(new Blob([`${JSON.stringify(run, null, 2)}\n`], { type: 'application/json' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = `run-${run.run_id}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
