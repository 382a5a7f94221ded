// The trial, played anew a moment after anything changed: nothing is performed, so nobody has to ask for it.
import { useEffect, useMemo, useState } from 'react';
import { isProblem } from '@/api/client';
import type { Definition, Fault, Simulation } from '@/api/types';
import { simulate } from '@/api/writes';
import { requestOf, type Setting } from './trial';

const AFTER_MS = 250;

export interface Trial {
  simulation: Simulation | null; // the last that could be played
  busy: boolean;
  refused: { detail: string; faults: Fault[] } | null;
}

export function useTrial(definition: Definition, setting: Setting): Trial {
  const [trial, setTrial] = useState<Trial>({ simulation: null, busy: true, refused: null });
  const request = useMemo(() => requestOf(definition, setting), [definition, setting]);
  useEffect(() => {
    if (!request) return setTrial({ simulation: null, busy: false, refused: null });
    const cancelled = new AbortController();
    setTrial((old) => ({ ...old, busy: true }));
    const timer = setTimeout(async () => {
      try {
        const simulation = await simulate(request, cancelled.signal);
        setTrial({ simulation, busy: false, refused: null });
      } catch (error) {
        if (cancelled.signal.aborted) return;
        const refused = isProblem(error)
          ? { detail: error.message, faults: error.faults }
          : { detail: String(error), faults: [] };
        setTrial((old) => ({ ...old, busy: false, refused }));
      }
    }, AFTER_MS);
    return () => {
      clearTimeout(timer);
      cancelled.abort();
    };
  }, [request]);
  return trial;
}
