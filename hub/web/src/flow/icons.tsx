// One icon for each action, each kind of entity and each state; all from one set, drawn inline.
import {
  IconAlertTriangle,
  IconArrowsSplit,
  IconBolt,
  IconBuilding,
  IconCash,
  IconCheck,
  IconClock,
  IconCode,
  IconDatabase,
  IconDeviceDesktop,
  IconFilter,
  IconFilterCheck,
  IconFlag,
  IconForms,
  IconGitMerge,
  IconHourglass,
  IconLoader2,
  IconNote,
  IconPhoneCall,
  IconPlayerStop,
  IconPlus,
  IconReceipt,
  IconSend,
  IconTag,
  IconTerminal2,
  IconTicket,
  IconUser,
  IconWebhook,
  IconX,
} from '@tabler/icons-react';
import type { ComponentType } from 'react';
import type { Step } from '../api/types';
import { isBranch, isGate } from '../designer/model/tree';
import type { CardState } from './status';

export type Icon = ComponentType<{ size?: number | string; stroke?: number | string; 'aria-hidden'?: boolean }>;

const ACTIONS: Record<string, Icon> = {
  create_ticket: IconTicket,
  update_ticket: IconForms,
  send_notification: IconSend,
  escalate_on_call: IconPhoneCall,
  update_field: IconCode,
  run_script: IconTerminal2,
  create_note: IconNote,
  add_tag: IconTag,
  webhook: IconWebhook,
  delay: IconHourglass,
};
const ENTITIES: Record<string, Icon> = {
  ticket: IconTicket,
  alert: IconAlertTriangle,
  device: IconDeviceDesktop,
  backup: IconDatabase,
  invoice: IconReceipt,
  contact: IconUser,
  deal: IconCash,
  company: IconBuilding,
  entity: IconGitMerge,
};

export const actionIcon = (action: string): Icon => ACTIONS[action] ?? IconBolt;
export const triggerIcon = (type: string | undefined): Icon => ENTITIES[type?.split('.', 1)[0] ?? ''] ?? IconBolt;
export const conditionsIcon: Icon = IconFilter;
export const gateIcon: Icon = IconFilterCheck;
export const branchIcon: Icon = IconArrowsSplit;
export const addIcon: Icon = IconPlus;
export const endIcon: Icon = IconFlag;

export function stepIcon(step: Step): Icon {
  if (isGate(step)) return gateIcon;
  return isBranch(step) ? branchIcon : actionIcon(step.action);
}

export const STATES: Record<CardState, { icon: Icon; word: string; tone: 'ok' | 'bad' | 'wait' | 'busy' | 'mute' }> = {
  reached: { icon: IconCheck, word: 'Reached', tone: 'ok' },
  running: { icon: IconLoader2, word: 'Running', tone: 'busy' },
  waiting: { icon: IconClock, word: 'Waiting', tone: 'wait' },
  succeeded: { icon: IconCheck, word: 'Succeeded', tone: 'ok' },
  failed: { icon: IconX, word: 'Failed', tone: 'bad' },
  skipped: { icon: IconPlayerStop, word: 'Skipped', tone: 'mute' },
  cancelled: { icon: IconPlayerStop, word: 'Cancelled', tone: 'mute' },
  true: { icon: IconCheck, word: 'True', tone: 'ok' },
  false: { icon: IconX, word: 'False', tone: 'mute' },
  unreached: { icon: IconPlayerStop, word: 'Not reached', tone: 'mute' },
};
