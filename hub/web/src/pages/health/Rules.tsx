// What is wrong with workflows, as the hourly check found it: a sentence each, and the runs that show it.
import { IconAlertTriangle, IconClock, IconInfoCircle, type TablerIcon } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Fragment } from 'react';
import { Link } from 'wouter';
import { queries } from '@/api/queries';
import type { HealthFinding } from '@/api/types';
import { RelativeTime } from '@/parts/RelativeTime';
import { Chip, type Tone } from '@/parts/status';
import { humanise } from '@/parts/words';
import css from './health.module.css';
import { Box } from './Panels';

const LOOKS: Record<HealthFinding['severity'], { tone: Tone; icon: TablerIcon }> = {
  high: { tone: 'bad', icon: IconAlertTriangle },
  medium: { tone: 'wait', icon: IconClock },
  low: { tone: 'mute', icon: IconInfoCircle },
};
const MOST = 20;

export function Rules() {
  const { data } = useQuery(queries.workflowHealth());
  const findings = data?.findings ?? [];
  const well = data?.checked_at ? 'Every workflow runs, and none is in another’s way.' : 'Not checked yet.';
  return (
    <Box id="rules" title="Rule health" empty={findings.length === 0 ? well : null}>
      <ul className={css.rows}>
        {findings.slice(0, MOST).map((one) => (
          <Finding key={one.workflow_id + one.finding + one.sentence} one={one} />
        ))}
      </ul>
      {findings.length > MOST && <p className={css.under}>And {findings.length - MOST} more.</p>}
    </Box>
  );
}

function Finding({ one }: { one: HealthFinding }) {
  const look = LOOKS[one.severity];
  return (
    <li>
      <div className={css.line}>
        <Link href={`/workflows/${encodeURIComponent(one.workflow_id)}/runs`}>
          {one.workflow_name ?? one.workflow_id}
        </Link>
        <Chip tone={look.tone} icon={look.icon}>
          {humanise(one.finding)}
        </Chip>
      </div>
      <p className={css.under}>
        {one.sentence}. Since <RelativeTime at={one.first_seen} />.
        {one.run_ids.map((id, at) => (
          <Fragment key={id}>
            {at === 0 ? ' Runs ' : ', '}
            <Link href={`/runs/${encodeURIComponent(id)}`}>{id.slice(0, 8)}</Link>
          </Fragment>
        ))}
      </p>
    </li>
  );
}
