// The event that the address names: whoever comes from the history tries the workflow with what happened there.
import { useEffect } from 'react';
import { useSearch } from 'wouter';
import { cache } from '@/api/cache';
import { queries } from '@/api/queries';
import { subjectOf } from '@/pages/history/words';
import { toastError } from '@/shell/Toasts';
import { type PreviewEvent, useDesigner } from '../context';
import { eventName } from '../panel/PreviewPicker';

/** `?event=` with `&source=`, or `?run=` whose event it is; null where the address names none. */
export async function eventOf(search: string): Promise<PreviewEvent | null> {
  const params = new URLSearchParams(search);
  const id = params.get('event');
  const runId = params.get('run');
  if (id) {
    const event = await cache.fetchQuery(queries.event(id, params.get('source') ?? undefined));
    return { envelope: event.envelope, name: eventName(event), id };
  }
  if (!runId) return null;
  const run = await cache.fetchQuery(queries.run(runId));
  const known = run.trigger_event.id;
  return {
    envelope: run.trigger_event,
    name: subjectOf(run).name,
    id: typeof known === 'string' ? known : run.run_id,
  };
}

/** Takes the event of the address over, once. */
export function useAddressEvent(): void {
  const search = useSearch();
  const { setEvent } = useDesigner();
  useEffect(() => {
    let here = true;
    eventOf(search)
      .then((event) => {
        if (here && event) setEvent(event);
      })
      .catch((error: unknown) => toastError(error, 'The event could not be read'));
    return () => {
      here = false;
    };
  }, [search, setEvent]);
}
