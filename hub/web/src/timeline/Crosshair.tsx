// A line at the pointer that says which moment it stands at.
import { useEffect, useRef } from 'react';
import type { Scale } from './scale';
import { lasted } from './time';
import css from './timeline.module.css';

/** It follows the pointer over the rows without anything being drawn anew. */
export function Crosshair({ scale }: { scale: Scale }) {
  const line = useRef<HTMLSpanElement>(null);
  const latest = useRef(scale);
  latest.current = scale;
  useEffect(() => {
    const element = line.current;
    const rows = element?.closest('ol');
    const ground = element?.parentElement;
    if (!element || !rows || !ground) return;
    const follow = (event: PointerEvent) => {
      const box = ground.getBoundingClientRect();
      const x = (event.clientX - box.left) / box.width;
      const on = event.pointerType === 'mouse' && x >= 0 && x <= 1;
      element.hidden = !on;
      if (!on) return;
      const { from, at } = latest.current;
      element.style.insetInlineStart = `${x * 100}%`;
      element.dataset.side = x > 0.7 ? 'end' : 'begin';
      element.dataset.at = `+${lasted(at(x) - from)}`;
    };
    const leave = () => {
      element.hidden = true;
    };
    rows.addEventListener('pointermove', follow);
    rows.addEventListener('pointerleave', leave);
    return () => {
      rows.removeEventListener('pointermove', follow);
      rows.removeEventListener('pointerleave', leave);
    };
  }, []);
  return <span ref={line} className={css.cross} hidden />;
}
