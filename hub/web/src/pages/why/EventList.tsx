// Events to choose from.
import { Button, NativeSelect } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { pollUnlessLive } from '@/api/live';
import { queries } from '@/api/queries';
import type { EventBrief, Why } from '@/api/types';
import { triggerIcon } from '@/flow/icons';
import { Bone } from '@/pages/history/Bone';
import { EmptyState } from '@/parts/EmptyState';
import { Panel } from '@/parts/Page';
import { RelativeTime } from '@/parts/RelativeTime';
import { humanise } from '@/parts/words';
import type { Question } from './question';
import { summary } from './verdicts';
import css from './why.module.css';

/** The latest of the organisation. */
export function RecentEvents({ here, onPick }: { here: string; onPick: (question: Question) => void }) {
  const [type, setType] = useState('');
  const { data: catalogue } = useQuery(queries.catalogue());
  const list = useInfiniteQuery({ ...queries.events(type ? { type } : {}), refetchInterval: pollUnlessLive(15_000) });
  const events = list.data?.pages.flatMap((page) => page.items);
  return (
    <Panel label="Latest events" className={css.list}>
      <header className={css.listHead}>
        <h2>Latest events</h2>
        <NativeSelect
          size="xs"
          aria-label="Type of event"
          value={type}
          onChange={(event) => setType(event.currentTarget.value)}
          data={[
            { value: '', label: 'All types' },
            ...(catalogue?.triggers.map((one) => ({ value: one.type, label: one.title })) ?? []),
          ]}
        />
      </header>
      {events?.length === 0 && <EmptyState title="No event" text="None of this type is known." />}
      {list.error && !events && <EmptyState title="The events can’t be shown" text={list.error.message} />}
      <ul className={css.events}>
        {events?.map((event) => (
          <EventRow
            key={`${event.source} ${event.id} ${event.received_at}`}
            event={event}
            on={event.id === here}
            onPick={() => onPick({ event: event.id, source: event.source })}
          />
        )) ?? <Bones />}
      </ul>
      {list.hasNextPage && (
        <div className={css.more}>
          <Button
            variant="default"
            size="xs"
            loading={list.isFetchingNextPage}
            onClick={() => void list.fetchNextPage()}
          >
            Show more
          </Button>
        </div>
      )}
    </Panel>
  );
}

interface ListProps {
  title: string;
  items: Why[];
  here: Why | undefined;
  onPick: (question: Question) => void;
}

/** The latest of one entity, each with its answer in a line. */
export function EventList({ title, items, here, onPick }: ListProps) {
  return (
    <Panel label={title} className={css.list}>
      <header className={css.listHead}>
        <h2>{title}</h2>
      </header>
      <ul className={css.events}>
        {items.length === 0 && <Bones />}
        {items.map((why) =>
          why.event ? (
            <EventRow
              key={`${why.event.source} ${why.event.id}`}
              event={why.event}
              on={why === here}
              note={summary(why)}
              onPick={() => why.event && onPick({ event: why.event.id, source: why.event.source })}
            />
          ) : null,
        )}
      </ul>
    </Panel>
  );
}

function EventRow(props: { event: EventBrief; on: boolean; note?: string; onPick: () => void }) {
  const { event, on, note, onPick } = props;
  const Icon = triggerIcon(event.type);
  return (
    <li>
      <button type="button" className={css.event} aria-pressed={on} onClick={onPick}>
        <Icon size={16} stroke={1.8} aria-hidden />
        <span className={css.eventWords}>
          <strong>{event.title ?? event.subject}</strong>
          <span>
            {humanise(event.type)}
            {note && ` · ${note}`}
          </span>
        </span>
        <RelativeTime at={event.time} className={css.when} />
      </button>
    </li>
  );
}

function Bones() {
  return [64, 48, 72, 56, 60].map((width) => (
    <li key={width} className={css.event}>
      <span />
      <Bone width={`${width}%`} height={32} />
    </li>
  ));
}
