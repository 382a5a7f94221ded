// A page's filters in its address, so that it can be shared, reloaded and gone back to.
import { useCallback } from 'react';
import { useSearchParams } from 'wouter';

/** The named parts of the query string and a way to change some; an empty one is left out. */
export function useUrlState<K extends string>(
  ...names: K[]
): [Record<K, string>, (change: Partial<Record<K, string>>) => void] {
  const [search, setSearch] = useSearchParams();
  const values = Object.fromEntries(names.map((name) => [name, search.get(name) ?? ''])) as Record<K, string>;
  const change = useCallback(
    (changes: Partial<Record<K, string>>) => {
      setSearch(
        (before) => {
          const next = new URLSearchParams(before);
          for (const [name, value] of Object.entries<string | undefined>(changes)) {
            if (value) next.set(name, value);
            else next.delete(name);
          }
          return next;
        },
        { replace: true },
      );
    },
    [setSearch],
  );
  return [values, change];
}
