import {
  IconArrowsRightLeft,
  IconCalendarPlus,
  IconCheck,
  IconFilterX,
  IconPlayerPause,
  IconQuestionMark,
  IconShieldOff,
  IconTrash,
  type TablerIcon,
} from '@tabler/icons-react';
import { Chip } from '@/parts/status';
import { type Kind, verdictTone, verdictWords } from './verdicts';

const ICONS: Record<Kind, TablerIcon> = {
  ran: IconCheck,
  condition: IconFilterX,
  guard: IconShieldOff,
  'other trigger': IconArrowsRightLeft,
  state: IconPlayerPause,
  'published later': IconCalendarPlus,
  deleted: IconTrash,
  'no run': IconQuestionMark,
};

export function VerdictChip({ kind }: { kind: Kind }) {
  return (
    <Chip tone={verdictTone(kind)} icon={ICONS[kind]}>
      {verdictWords(kind)}
    </Chip>
  );
}
