// A dialog. Not Mantine's whole one: its header counts as a second banner of the page.
import '@mantine/core/styles/Modal.layer.css';
import { CloseButton, Modal } from '@mantine/core';
import { type ReactNode, useId } from 'react';
import css from './Dialog.module.css';

interface Props {
  title: string;
  onClose: () => void;
  children: ReactNode;
  size?: 'md' | 'lg' | 'xl';
}

export function Dialog({ title, onClose, children, size = 'lg' }: Props) {
  const id = useId();
  return (
    <Modal.Root opened onClose={onClose} size={size}>
      <Modal.Overlay />
      <Modal.Content aria-labelledby={id} radius={10}>
        <Modal.Body className={css.body}>
          <div className={css.head}>
            <h2 id={id} className={css.title}>
              {title}
            </h2>
            <CloseButton aria-label="Close" onClick={onClose} />
          </div>
          {children}
        </Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}
