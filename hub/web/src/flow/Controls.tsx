// Closer, further away, all of it.
import { IconFocusCentered, IconMinus, IconPlus } from '@tabler/icons-react';
import { Panel, useReactFlow } from '@xyflow/react';
import classes from './flow.module.css';

export function Controls({ onFit }: { onFit: () => void }) {
  const { zoomIn, zoomOut } = useReactFlow();
  return (
    <Panel position="bottom-left" className={classes.controls}>
      <button type="button" aria-label="Zoom in" title="Zoom in" onClick={() => void zoomIn({ duration: 120 })}>
        <IconPlus size={16} aria-hidden />
      </button>
      <button type="button" aria-label="Zoom out" title="Zoom out" onClick={() => void zoomOut({ duration: 120 })}>
        <IconMinus size={16} aria-hidden />
      </button>
      <button type="button" aria-label="Show the whole flowchart" title="Show all" onClick={onFit}>
        <IconFocusCentered size={16} aria-hidden />
      </button>
    </Panel>
  );
}
