// The keys of the designer.
import { IconKeyboard } from '@tabler/icons-react';
import { Panel } from './Panel';
import css from './panels.module.css';

const KEYS: [string[], string][] = [
  [['↑', '↓', '←', '→'], 'Go from card to card'],
  [['Enter'], 'Edit the card'],
  [['+'], 'Add a step after it (or Insert)'],
  [['Delete'], 'Remove it'],
  [['Alt', '↑ ↓'], 'Move it up or down, also into and out of branches'],
  [['Ctrl', 'D'], 'Copy it'],
  [['Esc'], 'Close the panel, back to the card'],
  [['{'], 'In a field: list the variables'],
  [['Ctrl', 'Z'], 'Undo'],
  [['Ctrl', 'Shift', 'Z'], 'Redo'],
  [['Ctrl', 'S'], 'Save'],
  [['Ctrl', 'Enter'], 'Save & enable'],
  [['?'], 'These keys'],
];

export function KeysPanel() {
  return (
    <Panel title="Keys" icon={IconKeyboard}>
      <dl className={css.keys}>
        {KEYS.map(([keys, told]) => (
          <div key={told} style={{ display: 'contents' }}>
            <dt>
              {keys.map((one, index) => (
                <span key={one}>
                  {index > 0 && ' '}
                  <kbd>{one}</kbd>
                </span>
              ))}
            </dt>
            <dd>{told}</dd>
          </div>
        ))}
      </dl>
    </Panel>
  );
}
