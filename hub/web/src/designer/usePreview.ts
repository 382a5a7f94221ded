// The preview of the card that is edited, a moment after the last change.
import { useEffect, useRef, useState } from 'react';
import type { Definition } from '@/api/types';
import { simulate } from '@/api/writes';
import type { PreviewEvent } from './context';
import { probe, type Rendered, readProbe } from './preview';

const AFTER_MS = 250;

export function usePreview(definition: Definition, key: string, event: PreviewEvent | null): Rendered | null {
  const [rendered, setRendered] = useState<Rendered | null>(null);
  const seen = useRef('');
  useEffect(() => {
    if (!event) return;
    const request = probe(definition, key, event.envelope, true);
    const text = JSON.stringify(request);
    // Until the Hub has answered, plain paths are filled in here.
    if (text === seen.current) return;
    setRendered((old) =>
      old && old.event === event.envelope && request ? old : { values: null, trace: null, event: event.envelope },
    );
    if (!request) return;
    const cancelled = new AbortController();
    const timer = setTimeout(async () => {
      const bare = probe(definition, key, event.envelope, false);
      for (const one of [request, bare]) {
        try {
          if (!one) return;
          const made = readProbe(await simulate(one, cancelled.signal), event.envelope);
          seen.current = text;
          setRendered(made);
          return;
        } catch {
          if (cancelled.signal.aborted) return;
          // Something in an earlier step is unfinished: then without those steps.
        }
      }
      setRendered({ values: null, trace: null, event: event.envelope });
    }, AFTER_MS);
    return () => {
      clearTimeout(timer);
      cancelled.abort();
    };
  }, [definition, key, event]);
  return rendered;
}
