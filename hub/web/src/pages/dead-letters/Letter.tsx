// One dead letter: what is wrong with it, its value, and two ways to send it again.
import { Button } from '@mantine/core';
import { IconCircleCheck, IconPencil, IconSend } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { Link } from 'wouter';
import { isProblem } from '@/api/client';
import { useMay } from '@/api/session';
import type { DeadLetter, Place } from '@/api/types';
import { redrive } from '@/api/writes';
import { sentence } from '@/pages/history/words';
import { Panel } from '@/parts/Page';
import { RelativeTime } from '@/parts/RelativeTime';
import { ValueView } from '@/parts/ValueView';
import { Editor } from './Editor';
import { eventOf, isCut, parsed, placeWords, reasonOf } from './letters';
import css from './letters.module.css';

export function Letter({ letter }: { letter: DeadLetter }) {
  const may = useMay('hub.workflows.run');
  const [editing, setEditing] = useState(false);
  const [sent, setSent] = useState<{ place: Place; value: string | null } | null>(null);
  const again = useMutation({
    mutationFn: () => redrive(letter.id),
    onSuccess: (place) => setSent({ place, value: letter.value }),
  });
  return (
    <Panel label="Dead letter" className={css.letter}>
      <h2 className={css.reason}>{sentence(reasonOf(letter))}</h2>
      <dl className={css.facts}>
        {letter.field && (
          <Fact name="Field">
            <code>{letter.field}</code>
          </Fact>
        )}
        <Fact name="From">{placeWords(letter)}</Fact>
        {letter.key && (
          <Fact name="Key">
            <code>{letter.key}</code>
          </Fact>
        )}
        <Fact name="Refused">
          <RelativeTime at={letter.at} />
        </Fact>
      </dl>
      {sent && <Sent place={sent.place} value={sent.value} />}
      {again.error && (
        <p className={css.trouble} role="alert">
          {isProblem(again.error) ? `${again.error.title}: ` : ''}
          {again.error.message}
        </p>
      )}
      {editing ? (
        <Editor
          letter={letter}
          onClose={() => setEditing(false)}
          onSent={(place, value) => {
            setSent({ place, value });
            setEditing(false);
          }}
        />
      ) : (
        <>
          {may && (
            <div className={css.acts}>
              <Button leftSection={<IconPencil size={16} aria-hidden />} onClick={() => setEditing(true)}>
                Correct and send
              </Button>
              <Button
                variant="default"
                leftSection={<IconSend size={16} aria-hidden />}
                loading={again.isPending}
                onClick={() => again.mutate()}
                title="For where the reason has gone meanwhile: a newer version that can read it"
              >
                Send again as it is
              </Button>
            </div>
          )}
          <Value letter={letter} />
        </>
      )}
    </Panel>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Value({ letter }: { letter: DeadLetter }) {
  if (letter.value === null) {
    return (
      <p className={css.none}>
        Its value is not kept: there was none, or it was too large. It still stands in its topic.
      </p>
    );
  }
  const document = parsed(letter.value);
  if (document) return <ValueView title="Value" value={document.json} />;
  return (
    <>
      <p className={css.label}>
        {isCut(letter.value)
          ? 'The beginning of its value, of which 16 kB are kept'
          : 'Value, as it came: it is not JSON'}
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard */}
      <section className={css.raw} aria-label="Value" tabIndex={0}>
        {letter.value}
      </section>
    </>
  );
}

/** Where it is now, and how to find out what became of it. */
function Sent({ place, value }: { place: Place; value: string | null }) {
  const event = eventOf(value);
  return (
    <p className={css.sent} role="status">
      <IconCircleCheck size={17} aria-hidden />
      <span>
        Sent again: {placeWords(place)}.{' '}
        {event && (
          <Link
            href={`/why?${new URLSearchParams({ event: event.id, ...(event.source && { source: event.source }) })}`}
          >
            What became of it
          </Link>
        )}
      </span>
    </p>
  );
}
