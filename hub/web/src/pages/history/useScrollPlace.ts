// Whoever comes back to a list by the browser's Back finds it where they left it.
import { useEffect, useRef } from 'react';

const places = new Map<string, number>();
let cameBack = false;

window.addEventListener('popstate', () => {
  cameBack = true;
  setTimeout(() => {
    cameBack = false;
  }, 1_500);
});

/** `ready`: the list has its rows, so that there is a place to go back to. */
export function useScrollPlace(ready: boolean): void {
  const restored = useRef(false);
  useEffect(() => {
    const here = window.location.pathname + window.location.search;
    const keep = () => {
      if (window.location.pathname + window.location.search === here) places.set(here, window.scrollY);
    };
    window.addEventListener('scroll', keep, { passive: true });
    return () => window.removeEventListener('scroll', keep);
  });
  useEffect(() => {
    if (!ready || restored.current) return;
    restored.current = true;
    const place = places.get(window.location.pathname + window.location.search);
    // After the frame has gone to the top of what it takes for a new page.
    if (cameBack && place) requestAnimationFrame(() => window.scrollTo(0, place));
  }, [ready]);
}
