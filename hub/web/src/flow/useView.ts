// What part of the chart is seen: all of it if that can be read, else its width from the top; and always the selected card.
import { useReactFlow } from '@xyflow/react';
import { type RefObject, useCallback, useEffect, useRef, useState } from 'react';
import type { Layout } from './layout';

const MARGIN = 32;
const READABLE = 0.8; // smaller than this nobody reads the cards

const calm = (): boolean => Boolean(window.matchMedia?.('(prefers-reduced-motion: reduce)').matches);

export function useView(
  ground: RefObject<HTMLDivElement | null>,
  drawn: Layout,
  complete: boolean,
  selected: string | null,
) {
  const { setViewport, getViewport } = useReactFlow();
  // Until the cards' sizes are known and the chart is where it will stay, nobody should see it, or click at it.
  const [placed, setPlaced] = useState(false);
  const sized = useRef(complete);
  sized.current = complete;
  const touched = useRef(false);
  const now = useRef(drawn);
  now.current = drawn;

  const place = useCallback(
    (animated: boolean) => {
      const box = ground.current?.getBoundingClientRect();
      const { width, height } = now.current;
      if (!box || box.width === 0) return;
      const wide = (box.width - 2 * MARGIN) / width;
      const whole = Math.min(wide, (box.height - 2 * MARGIN) / height, 1);
      const zoom = whole >= READABLE ? whole : Math.max(Math.min(wide, 0.9), box.width < 600 ? 0.6 : 0.5);
      const axis = axisOf(now.current);
      // In the middle stands the line that the cards are on, as long as nothing is cut off for it.
      const free = box.width - width * zoom;
      const x = Math.max(Math.min(box.width / 2 - axis * zoom, free - MARGIN), Math.min(MARGIN, free / 2));
      const rest = box.height - height * zoom;
      const y = rest > 2 * MARGIN ? Math.min(rest / 2, 56) : MARGIN - 8;
      void setViewport({ x, y, zoom }, { duration: animated && !calm() ? 220 : 0 }).then(
        // The cards get their places with the next frame, and are to be seen after it: before, they would glide there.
        (done) => done && sized.current && requestAnimationFrame(() => requestAnimationFrame(() => setPlaced(true))),
      );
    },
    [ground, setViewport],
  );

  const show = useCallback(
    (key: string) => {
      const box = ground.current?.getBoundingClientRect();
      const card = now.current.boxes.find((one) => one.key === key);
      if (!box || !card) return;
      const { x, y, zoom } = getViewport();
      const left = card.x * zoom + x;
      const top = card.y * zoom + y;
      const dx = shift(left, card.width * zoom, box.width);
      const dy = shift(top, card.height * zoom, box.height);
      if (dx !== 0 || dy !== 0) void setViewport({ x: x + dx, y: y + dy, zoom }, { duration: calm() ? 0 : 180 });
    },
    [ground, getViewport, setViewport],
  );

  useEffect(() => {
    const element = ground.current;
    if (!element) return;
    const watch = new ResizeObserver(() => {
      if (!touched.current) place(false);
    });
    watch.observe(element);
    return () => watch.disconnect();
  }, [ground, place]);

  // While nobody has moved the chart it stays as a whole in view, whatever is added.
  const { width, height } = drawn;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the sizes of the chart and its cards are what it waits for
  useEffect(() => {
    if (!touched.current) place(false);
  }, [width, height, complete, place]);
  useEffect(() => {
    if (selected) setTimeout(() => show(selected), 60);
  }, [selected, show]);

  // An event: a person moved it, and not this. What nobody sees yet is placed nevertheless.
  const moved = useCallback(
    (event: unknown) => {
      if (event && placed) touched.current = true;
    },
    [placed],
  );
  const fit = useCallback(() => {
    touched.current = false;
    place(true);
  }, [place]);
  return { show, fit, moved, placed };
}

const axisOf = (drawn: Layout): number => {
  const trigger = drawn.boxes.find((one) => one.key === 'trigger');
  return trigger ? trigger.x + trigger.width / 2 : drawn.width / 2;
};

/** How far something has to move so that it is inside. */
function shift(at: number, size: number, room: number): number {
  const edge = Math.min(24, Math.max(0, (room - size) / 2));
  if (at < edge) return edge - at;
  return at + size > room - edge ? room - edge - size - at : 0;
}
