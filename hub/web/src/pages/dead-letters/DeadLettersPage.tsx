// Records that could not be read: why, where from, and how to send them again.
import { Button, NativeSelect } from '@mantine/core';
import { IconArrowLeft } from '@tabler/icons-react';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { pollUnlessLive } from '@/api/live';
import { queries } from '@/api/queries';
import type { DeadLetter } from '@/api/types';
import { Bone } from '@/pages/history/Bone';
import { SPANS } from '@/pages/history/filters';
import { sentence } from '@/pages/history/words';
import { EmptyState } from '@/parts/EmptyState';
import { Page, Panel } from '@/parts/Page';
import { RelativeTime } from '@/parts/RelativeTime';
import { Search } from '@/parts/Search';
import { useUrlState } from '@/parts/useUrlState';
import { Letter } from './Letter';
import { reasonOf } from './letters';
import css from './letters.module.css';

export default function DeadLettersPage() {
  const [address, setAddress] = useUrlState('text', 'topic', 'last', 'letter');
  const { text, topic, last } = address;
  const filters = useMemo(() => ({ text, topic, since: sinceOf(last) }), [text, topic, last]);
  const list = useInfiniteQuery({ ...queries.deadLetters(filters), refetchInterval: pollUnlessLive(15_000) });
  const letters = list.data?.pages.flatMap((page) => page.items);
  const narrowed = Boolean(text || topic || last);
  const clear = () => setAddress({ text: '', topic: '', last: '' });
  return (
    <Page
      title="Dead letters"
      lead="Records that could not be read, so that no workflow saw them. Mended, they can be sent again."
    >
      <search className={css.filters} aria-label="Narrow the list">
        <Search
          className={css.search}
          label="Text in reason or value"
          value={text}
          onChange={(next) => setAddress({ text: next })}
        />
        <Topics letters={letters ?? []} value={topic} onChange={(next) => setAddress({ topic: next })} />
        <NativeSelect
          aria-label="Time"
          value={last}
          onChange={(event) => setAddress({ last: event.currentTarget.value })}
          data={[{ value: '', label: 'Any time' }, ...SPANS.map((span) => ({ value: span.value, label: span.label }))]}
        />
        {narrowed && (
          <Button variant="subtle" size="compact-sm" onClick={clear}>
            Clear
          </Button>
        )}
      </search>
      <div className={css.split} data-open={address.letter ? true : undefined}>
        <Panel label="Dead letters" className={css.list}>
          {list.error && !letters ? (
            <EmptyState title="The dead letters can’t be shown" text={list.error.message}>
              <Button variant="default" onClick={() => void list.refetch()}>
                Try again
              </Button>
            </EmptyState>
          ) : (
            <Rows
              letters={letters}
              here={address.letter}
              narrowed={narrowed}
              onPick={(letter) => setAddress({ letter })}
            />
          )}
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
        <div className={css.detail}>
          {address.letter && (
            <Button
              className={css.back}
              variant="subtle"
              size="compact-sm"
              leftSection={<IconArrowLeft size={15} aria-hidden />}
              onClick={() => setAddress({ letter: '' })}
            >
              All dead letters
            </Button>
          )}
          <Chosen id={address.letter || letters?.[0]?.id} known={letters ?? []} />
        </div>
      </div>
    </Page>
  );
}

/** To the minute, so that the answer can be cached. */
function sinceOf(last: string): string | undefined {
  const span = SPANS.find((one) => one.value === last);
  return span && new Date(Math.floor(Date.now() / 60_000) * 60_000 - span.ms).toISOString();
}

function Topics(props: { letters: DeadLetter[]; value: string; onChange: (topic: string) => void }) {
  const known = new Set(props.letters.map((letter) => letter.topic));
  if (props.value) known.add(props.value);
  return (
    <NativeSelect
      aria-label="Topic"
      value={props.value}
      onChange={(event) => props.onChange(event.currentTarget.value)}
      data={[{ value: '', label: 'Any topic' }, ...[...known].sort()]}
    />
  );
}

interface RowsProps {
  letters: DeadLetter[] | undefined;
  here: string;
  narrowed: boolean;
  onPick: (id: string) => void;
}

function Rows({ letters, here, narrowed, onPick }: RowsProps) {
  if (letters?.length === 0) {
    return narrowed ? (
      <EmptyState title="No dead letter fits" text="None fits all filters at once." />
    ) : (
      <EmptyState
        title="No dead letters"
        text="Every record could be read. One that can’t be is kept here for a year, with the reason."
      />
    );
  }
  return (
    <ul className={css.rows}>
      {letters?.map((letter, index) => (
        <li key={letter.id}>
          <button
            type="button"
            className={css.row}
            aria-pressed={here ? letter.id === here : index === 0}
            onClick={() => onPick(letter.id)}
          >
            <strong>{sentence(reasonOf(letter))}</strong>
            <span className={css.under}>
              <span>{letter.topic}</span>
              <RelativeTime at={letter.at} />
            </span>
          </button>
        </li>
      )) ??
        [70, 52, 64, 58].map((width) => (
          <li key={width} className={css.row}>
            <Bone width={`${width}%`} height={34} />
          </li>
        ))}
    </ul>
  );
}

/** The one that is asked for, also where the list is narrowed to others. */
function Chosen({ id, known }: { id: string | undefined; known: DeadLetter[] }) {
  const listed = known.find((letter) => letter.id === id);
  const alone = useQuery({ ...queries.deadLetter(id ?? ''), enabled: Boolean(id) && !listed });
  const letter = listed ?? alone.data;
  if (letter) return <Letter key={letter.id} letter={letter} />;
  if (alone.error) {
    return (
      <Panel>
        <EmptyState title="No such dead letter" text={alone.error.message} />
      </Panel>
    );
  }
  return null;
}
