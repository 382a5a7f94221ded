// Why did it not run? Asked about an event or an entity; answered for each workflow.
import { Button, TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useEffect, useState } from 'react';
import { Link, useSearchParams } from 'wouter';
import { isProblem } from '@/api/client';
import { queries } from '@/api/queries';
import { useSession } from '@/api/session';
import type { Why } from '@/api/types';
import { Bone } from '@/pages/history/Bone';
import { Kinds } from '@/pages/history/Kinds';
import { EmptyState } from '@/parts/EmptyState';
import { Page, Panel } from '@/parts/Page';
import { Answer } from './Answer';
import { EventList, RecentEvents } from './EventList';
import { type Question, questionOf } from './question';
import css from './why.module.css';

const AGAIN_MS = 3_000;

export default function WhyPage() {
  const [search, setSearch] = useSearchParams();
  const event = search.get('event') ?? '';
  const source = search.get('source') ?? '';
  const entity = search.get('entity') ?? '';
  const ask = (question: Question, replace = false) => {
    const wanted = Object.entries(question).filter((pair): pair is [string, string] => Boolean(pair[1]));
    setSearch(new URLSearchParams(wanted), { replace });
  };
  return (
    <Page title="Execution history" beside={<Kinds here="why" />}>
      <Ask value={entity || event} onAsk={ask} />
      {entity ? (
        <AboutEntity
          entity={entity}
          event={event}
          source={source}
          onPick={(picked) => ask({ entity, ...picked }, true)}
        />
      ) : (
        <div className={css.split}>
          <div className={css.answer}>{event ? <AboutEvent event={event} source={source} /> : <Hint />}</div>
          <RecentEvents here={event} onPick={(picked) => ask(picked)} />
        </div>
      )}
    </Page>
  );
}

function Ask({ value, onAsk }: { value: string; onAsk: (question: Question) => void }) {
  const [text, setText] = useState(value);
  const org = useSession()?.org;
  useEffect(() => setText(value), [value]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const question = questionOf(text, org);
    if (question) onAsk(question);
  };
  return (
    <form className={css.ask} onSubmit={submit}>
      <TextInput
        className={css.input}
        aria-label="Event or entity"
        placeholder="The id of an event, or an entity like device/d-17"
        leftSection={<IconSearch size={16} aria-hidden />}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      <Button type="submit" disabled={!text.trim()}>
        Ask
      </Button>
    </form>
  );
}

function Hint() {
  return (
    <Panel>
      <EmptyState
        title="Which event?"
        text="Choose one of the latest, or enter the id of an event or the name of an entity. The answer says for each workflow whether it ran, or which condition, guard or state kept it from running, with the values that it met."
      />
    </Panel>
  );
}

function AboutEvent({ event, source }: { event: string; source: string }) {
  const { data, error, refetch } = useQuery({
    ...queries.why(event, source || undefined),
    // It may have been sent a moment ago, and be on its way into the history.
    refetchInterval: ({ state }) => (state.data?.event === null ? AGAIN_MS : false),
  });
  if (data) return <Answer why={data} asked={event} />;
  if (isProblem(error, 409) && error.sources.length > 0) return <Which event={event} sources={error.sources} />;
  if (error) return <Failed error={error} retry={() => void refetch()} />;
  return <Waiting />;
}

/** An id is unique only by its sender. */
function Which({ event, sources }: { event: string; sources: string[] }) {
  return (
    <Panel>
      <EmptyState title="Which of them?" text={`Several modules have sent an event ${event}.`}>
        {sources.map((source) => (
          <Button
            key={source}
            component={Link}
            variant="default"
            href={`/why?${new URLSearchParams({ event, source })}`}
          >
            {source}
          </Button>
        ))}
      </EmptyState>
    </Panel>
  );
}

interface EntityProps {
  entity: string;
  event: string;
  source: string;
  onPick: (question: Question) => void;
}

/** The latest events of one entity, and the answer about one of them. */
function AboutEntity({ entity, event, source, onPick }: EntityProps) {
  const { data, error, refetch } = useQuery(queries.whyEntity(entity));
  if (error && !data) return <Failed error={error} retry={() => void refetch()} />;
  const items = data?.items ?? [];
  const chosen = items.find((one) => isEvent(one, event, source)) ?? items[0];
  if (data && !chosen) {
    return (
      <Panel>
        <EmptyState
          title={`No event about ${entity}`}
          text="None came, or it is older than what is kept, or it was refused: then it is a dead letter."
        />
      </Panel>
    );
  }
  return (
    <div className={css.split}>
      <div className={css.answer}>{chosen ? <Answer why={chosen} asked={entity} /> : <Waiting />}</div>
      <EventList title={`Latest of ${entity}`} items={items} here={chosen} onPick={onPick} />
    </div>
  );
}

function isEvent(why: Why, event: string, source: string): boolean {
  return why.event?.id === event && (!source || why.event.source === source);
}

function Failed({ error, retry }: { error: unknown; retry: () => void }) {
  return (
    <Panel>
      <EmptyState title="No answer" text={error instanceof Error ? error.message : String(error)}>
        <Button variant="default" onClick={retry}>
          Try again
        </Button>
      </EmptyState>
    </Panel>
  );
}

function Waiting() {
  return (
    <Panel className={css.waiting}>
      <Bone width="40%" height={20} />
      <Bone width="70%" height={14} />
      <Bone width="100%" height={64} />
      <Bone width="100%" height={64} />
    </Panel>
  );
}
