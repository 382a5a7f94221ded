import { useEffect, useRef } from 'react';
import { focusField } from './focus';

/** The keyboard goes to the field that a fault leads to. */
export function useFieldFocus(field: string | undefined) {
  const body = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (field !== undefined && body.current) focusField(body.current, field);
  }, [field]);
  return body;
}
