// What the Hub says of the definition as it is, a moment after the last change; what was asked before is cancelled.
import { useEffect, useRef, useState } from 'react';
import type { Definition, Validation } from '@/api/types';
import { validate } from '@/api/writes';

const AFTER_MS = 250;

export interface Validated {
  validation: Validation | null; // the last that was answered
  current: boolean; // whether it is about the definition as it is now
}

export function useValidation(definition: Definition): Validated {
  const [answered, setAnswered] = useState<{ of: Definition; validation: Validation } | null>(null);
  const first = useRef(true);
  useEffect(() => {
    const cancelled = new AbortController();
    const ask = async () => {
      try {
        const validation = await validate(definition, cancelled.signal);
        setAnswered({ of: definition, validation });
      } catch {
        // Superseded, or the Hub is away: then the last answer stands, and saving will tell.
      }
    };
    const timer = setTimeout(() => void ask(), first.current ? 0 : AFTER_MS);
    first.current = false;
    return () => {
      clearTimeout(timer);
      cancelled.abort();
    };
  }, [definition]);
  return { validation: answered?.validation ?? null, current: answered?.of === definition };
}
