// What every part of the designer can see and do.
import { createContext, useContext } from 'react';
import type { Catalogue, Definition, Row, Validation } from '@/api/types';
import type { Act } from '@/flow';
import type { Done } from './acts';
import type { Faults } from './faults';
import type { DesignerState, View } from './state';

export interface PreviewEvent {
  envelope: Row; // the whole CloudEvent
  name: string; // Sample, or whose event it is
  id: string | null; // null: the sample
}

export interface Designer {
  state: DesignerState;
  definition: Definition;
  catalogue: Catalogue;
  validation: Validation | null;
  current: boolean; // whether it is of the definition as it is now
  faults: Faults;
  readOnly: boolean;
  event: PreviewEvent | null;
  setEvent: (event: PreviewEvent | null) => void;
  /** Another definition. `mark` names what is being typed in, so that one undo takes all of it back. */
  change: (next: Definition, mark?: string) => void;
  done: (done: Done | null) => void;
  act: (act: Act) => void;
  show: (view: View) => void;
  undo: () => void;
  redo: () => void;
  close: () => void;
}

export const DesignerContext = createContext<Designer | null>(null);

export function useDesigner(): Designer {
  const found = useContext(DesignerContext);
  if (!found) throw new Error('Only inside a designer.');
  return found;
}
