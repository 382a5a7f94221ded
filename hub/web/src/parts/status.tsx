// How a status looks, everywhere the same: an icon, a word and a colour.
import {
  IconBan,
  IconCheck,
  IconClock,
  IconEyeOff,
  IconFilterOff,
  IconPencil,
  IconPlayerPause,
  IconPlayerPlay,
  IconShieldOff,
  IconX,
  type TablerIcon,
} from '@tabler/icons-react';
import type { RunStatus, State, StepStatus } from '@/api/types';
import css from './status.module.css';
import { RUN_WORDS, STATE_WORDS, STEP_WORDS } from './words';

export type Tone = 'ok' | 'bad' | 'wait' | 'busy' | 'mute';

export const RUN_TONES: Record<RunStatus, Tone> = {
  running: 'busy',
  waiting: 'wait',
  completed: 'ok',
  failed: 'bad',
  cancelled: 'mute',
  skipped: 'mute',
  suppressed: 'wait',
};

export const RUN_ICONS: Record<RunStatus, TablerIcon> = {
  running: IconPlayerPlay,
  waiting: IconClock,
  completed: IconCheck,
  failed: IconX,
  cancelled: IconBan,
  skipped: IconFilterOff,
  suppressed: IconShieldOff,
};

export const STEP_TONES: Record<StepStatus, Tone> = {
  running: 'busy',
  waiting: 'wait',
  succeeded: 'ok',
  failed: 'bad',
  skipped: 'mute',
  cancelled: 'mute',
};

export const STEP_ICONS: Record<StepStatus, TablerIcon> = {
  running: IconPlayerPlay,
  waiting: IconClock,
  succeeded: IconCheck,
  failed: IconX,
  skipped: IconFilterOff,
  cancelled: IconBan,
};

const STATE_TONES: Record<State, Tone> = { draft: 'mute', shadow: 'busy', enabled: 'ok', disabled: 'mute' };
const STATE_ICONS: Record<State, TablerIcon> = {
  draft: IconPencil,
  shadow: IconEyeOff,
  enabled: IconCheck,
  disabled: IconPlayerPause,
};

/** A chip of any tone. */
export function Chip({
  tone,
  icon: Icon,
  children,
  title,
}: {
  tone: Tone;
  icon: TablerIcon;
  children: string;
  title?: string;
}) {
  return (
    <span className={css.chip} data-tone={tone} title={title}>
      <Icon size={13} stroke={2.2} aria-hidden />
      {children}
    </span>
  );
}

/** A run's status. */
export function StatusChip({ status }: { status: RunStatus }) {
  return (
    <Chip tone={RUN_TONES[status]} icon={RUN_ICONS[status]}>
      {RUN_WORDS[status]}
    </Chip>
  );
}

/** A step's status in its run. */
export function StepChip({ status }: { status: StepStatus }) {
  return (
    <Chip tone={STEP_TONES[status]} icon={STEP_ICONS[status]}>
      {STEP_WORDS[status]}
    </Chip>
  );
}

/** A workflow's state. */
export function StateChip({ state }: { state: State }) {
  return (
    <Chip tone={STATE_TONES[state]} icon={STATE_ICONS[state]}>
      {STATE_WORDS[state]}
    </Chip>
  );
}
