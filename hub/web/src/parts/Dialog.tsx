// A dialog. Not Mantine's whole one: its header counts as a second banner of the page.
import '@mantine/core/styles/Modal.layer.css';
import { CloseButton, Modal } from '@mantine/core';
import type { ReactNode } from 'react';
import css from './Dialog.module.css';

interface Props {
  title: string;
  onClose: () => void;
  children: ReactNode;
  size?: 'md' | 'lg' | 'xl';
}

export function Dialog({ title, onClose, children, size = 'lg' }: Props) {
  return (
    <Modal.Root opened onClose={onClose} size={size}>
      <Modal.Overlay />
      <Modal.Content radius={10}>
        <Modal.Body className={css.body}>
          <div className={css.head}>
            <Modal.Title className={css.title}>{title}</Modal.Title>
            <CloseButton aria-label="Close" onClick={onClose} />
          </div>
          {children}
        </Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}
