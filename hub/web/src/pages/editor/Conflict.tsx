// Somebody else saved meanwhile: look at what differs, then take theirs or put mine over it.
import { Button } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import type { Definition } from '@/api/types';
import { differences } from '@/designer/model/compare';
import { edited, type Step } from '@/designer/state';
import type { Saving } from '@/designer/useSaving';
import css from './editor.module.css';

interface Props {
  conflict: NonNullable<Saving['conflict']>;
  mine: Definition;
  saving: Saving;
  dispatch: (step: Step) => void;
}

export function Conflict({ conflict, mine, saving, dispatch }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [compared, setCompared] = useState(false);
  const { theirs, wanted } = conflict;
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  const found = differences(edited(theirs.definition), mine);
  return (
    <dialog
      ref={dialog}
      className={css.dialog}
      aria-labelledby="conflict-title"
      onClose={saving.settle}
      onCancel={saving.settle}
    >
      <h2 id="conflict-title">Version {theirs.version} was saved meanwhile</h2>
      <p>
        Somebody else saved this workflow while you were at it. You can put your version over it as version{' '}
        {theirs.version + 1}; theirs stays under Versions. Or take theirs and lose your changes.
      </p>
      {compared && (
        <div className={css.compare}>
          <div className={css.compareHead}>
            <span>Theirs</span>
            <span>Mine</span>
          </div>
          {found.map((one) => (
            <div key={one.path} className={css.difference}>
              <code>{one.path}</code>
              <span data-side="theirs">{one.before}</span>
              <span data-side="mine">{one.after}</span>
            </div>
          ))}
          {found.length === 0 && <p>Nothing but the state differs.</p>}
        </div>
      )}
      <div className={css.dialogFoot}>
        <Button variant="default" onClick={saving.settle}>
          Go on editing
        </Button>
        {!compared && (
          <Button variant="default" onClick={() => setCompared(true)}>
            Compare
          </Button>
        )}
        <Button
          variant="default"
          onClick={() => {
            dispatch({ do: 'load', workflow: theirs });
            saving.settle();
          }}
        >
          Take theirs
        </Button>
        <Button loading={saving.busy !== null} onClick={() => void saving.save(wanted, theirs.version)}>
          Put mine over it
        </Button>
      </div>
    </dialog>
  );
}
