// Whose values the previews show: the sample's, or those of an event that happened.
import { NativeSelect } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { cache } from '@/api/cache';
import { queries } from '@/api/queries';
import type { EventBrief } from '@/api/types';
import { toastError } from '@/shell/Toasts';
import { useDesigner } from '../context';
import css from './PreviewPicker.module.css';

const SAMPLE = '';

export function eventName(event: EventBrief): string {
  const when = new Date(event.time).toLocaleString(undefined, { dateStyle: 'short', timeStyle: 'short' });
  return `${event.title ?? event.subject} · ${when}`;
}

/** The latest events of the workflow's trigger; asked when somebody is about to choose one. */
export function useRecentEvents(type: string | undefined, wanted: boolean): EventBrief[] {
  const { data } = useInfiniteQuery({ ...queries.events({ type }), enabled: wanted && type !== undefined });
  return data?.pages.flatMap((page) => page.items).slice(0, 20) ?? [];
}

export function PreviewPicker({ label = 'Values of' }: { label?: string }) {
  const { definition, event, setEvent } = useDesigner();
  const [asked, setAsked] = useState(false);
  const recent = useRecentEvents(definition.trigger?.type, asked);
  const choose = async (id: string) => {
    const brief = recent.find((one) => one.id === id);
    if (!brief) return setEvent(null);
    try {
      const found = await cache.fetchQuery(queries.event(brief.id, brief.source));
      setEvent({ envelope: found.envelope, name: eventName(brief), id: brief.id });
    } catch (error) {
      toastError(error, 'The event could not be read');
    }
  };
  if (!definition.trigger) return null;
  const chosen = event?.id ?? SAMPLE;
  const strange = chosen !== SAMPLE && !recent.some((one) => one.id === chosen);
  return (
    <div className={css.line}>
      <NativeSelect
        size="xs"
        label={label}
        className={css.select}
        onPointerEnter={() => setAsked(true)}
        onFocus={() => setAsked(true)}
        value={chosen}
        onChange={(change) => void choose(change.target.value)}
        data={[
          { value: SAMPLE, label: 'A sample event' },
          ...(strange ? [{ value: chosen, label: event?.name ?? chosen }] : []),
          ...recent.map((one) => ({ value: one.id, label: eventName(one) })),
        ]}
      />
    </div>
  );
}
