import { type RefObject, useEffect, useState } from 'react';

/** Whether what is marked by the element has left the screen upwards. */
export function useScrolledAway(mark: RefObject<HTMLElement | null>): boolean {
  const [away, setAway] = useState(false);
  useEffect(() => {
    const element = mark.current;
    if (!element) return;
    const watch = new IntersectionObserver(([entry]) => {
      if (entry) setAway(!entry.isIntersecting && entry.boundingClientRect.top < 0);
    });
    watch.observe(element);
    return () => watch.disconnect();
  }, [mark]);
  return away;
}
