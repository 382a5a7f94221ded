// Workflows from a file or pasted text: first what would happen, then it happens.
import { Button, Modal, NativeSelect, Textarea } from '@mantine/core';
import '@mantine/core/styles/Modal.layer.css';
import {
  IconAlertTriangle,
  IconCheck,
  IconEqual,
  IconFileUpload,
  IconPencil,
  IconX,
  type TablerIcon,
} from '@tabler/icons-react';
import { type DragEvent, useEffect, useRef, useState } from 'react';
import type { Imported } from '@/api/types';
import { importWorkflows } from '@/api/writes';
import { Chip, type Tone } from '@/parts/status';
import { count } from '@/parts/words';
import { toast } from '@/shell/Toasts';
import css from './ImportDialog.module.css';

const RESULTS: Record<Imported['result'], { word: string; counted: string; tone: Tone; icon: TablerIcon }> = {
  created: { word: 'New', counted: 'new', tone: 'ok', icon: IconCheck },
  updated: { word: 'Next version', counted: 'changed', tone: 'busy', icon: IconPencil },
  unchanged: { word: 'Unchanged', counted: 'unchanged', tone: 'mute', icon: IconEqual },
  refused: { word: 'Refused', counted: 'refused', tone: 'bad', icon: IconX },
};

const PAUSE_MS = 350;
const STATES = [
  { value: '', label: 'As the file says' },
  { value: 'draft', label: 'Draft' },
  { value: 'disabled', label: 'Disabled' },
  { value: 'shadow', label: 'Shadow' },
  { value: 'enabled', label: 'Enabled' },
];

/** What an import of this text would do: asked a moment after the last change. */
function usePlan(text: string, state: string) {
  const [plan, setPlan] = useState<Imported[] | null>(null);
  const [trouble, setTrouble] = useState('');
  useEffect(() => {
    setPlan(null);
    setTrouble('');
    if (!text.trim()) return;
    let current = true;
    const timer = setTimeout(async () => {
      try {
        const items = await importWorkflows(text, { dryRun: true, state: state || undefined });
        if (current) setPlan(items);
      } catch (error) {
        if (current) setTrouble(error instanceof Error ? error.message : String(error));
      }
    }, PAUSE_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [text, state]);
  return { plan, setPlan, trouble, setTrouble };
}

const changes = (items: Imported[]) => items.filter(({ result }) => result === 'created' || result === 'updated');

export default function ImportDialog({ close }: { close: () => void }) {
  const [text, setText] = useState('');
  const [state, setState] = useState('draft');
  const { plan, setPlan, trouble, setTrouble } = usePlan(text, state);
  const [busy, setBusy] = useState(false);
  const useful = changes(plan ?? []);

  const run = async () => {
    setBusy(true);
    setTrouble('');
    try {
      const items = await importWorkflows(text, { dryRun: false, state: state || undefined });
      toast({ text: `Imported: ${told(changes(items))}.` });
      // What was refused stays to be read.
      if (items.some((item) => item.result === 'refused')) setPlan(items);
      else close();
    } catch (error) {
      setTrouble(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };

  return (
    <Modal opened onClose={close} title="Import workflows" size="lg" closeButtonProps={{ 'aria-label': 'Close' }}>
      <div className={css.form}>
        <Source text={text} onText={setText} />
        <NativeSelect
          label="State of what is imported"
          data={STATES}
          value={state}
          onChange={(event) => setState(event.currentTarget.value)}
        />
        {trouble && (
          <p className={css.trouble} role="alert">
            <IconAlertTriangle size={16} aria-hidden /> {trouble}
          </p>
        )}
        {plan && <Plan items={plan} />}
        <div className={css.buttons}>
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
          <Button loading={busy} disabled={useful.length === 0} onClick={() => void run()}>
            Import{useful.length > 0 ? ` ${told(useful)}` : ''}
          </Button>
        </div>
      </div>
    </Modal>
  );
}

/** “2 new, 1 changed”. */
function told(items: Imported[]): string {
  const words = (Object.keys(RESULTS) as Imported['result'][]).flatMap((result) => {
    const number = items.filter((item) => item.result === result).length;
    return number > 0 ? [`${number} ${RESULTS[result].counted}`] : [];
  });
  return words.join(', ') || 'nothing';
}

function Source({ text, onText }: { text: string; onText: (text: string) => void }) {
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const take = async (files: FileList | null | undefined) => {
    const parts = await Promise.all([...(files ?? [])].map((file) => file.text()));
    // Of several files one text: YAML separates documents by a line of three dashes.
    if (parts.length > 0) onText(parts.length === 1 ? (parts[0] ?? '') : parts.join('\n---\n'));
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    void take(event.dataTransfer.files);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping a file is a shortcut; the button beside it does the same
    <div
      className={css.source}
      data-over={over}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <input
        ref={input}
        type="file"
        multiple
        accept=".yaml,.yml,.json,application/json,application/yaml"
        hidden
        onChange={(event) => void take(event.currentTarget.files)}
      />
      <Button
        variant="default"
        leftSection={<IconFileUpload size={16} aria-hidden />}
        onClick={() => input.current?.click()}
      >
        Choose files
      </Button>
      <span className={css.or}>or drop them here, or paste YAML or JSON:</span>
      <Textarea
        aria-label="YAML or JSON"
        rows={9}
        value={text}
        onChange={(event) => onText(event.currentTarget.value)}
        classNames={{ root: css.textarea, input: css.code }}
        spellCheck={false}
        data-autofocus
      />
    </div>
  );
}

function Plan({ items }: { items: Imported[] }) {
  return (
    <div className={css.plan} role="status">
      <p>{count(items.length, 'workflow')} found:</p>
      <ul>
        {items.map((item, index) => {
          const { word, tone, icon } = RESULTS[item.result];
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: an id may stand in the text twice, and is then refused
            <li key={index}>
              <code>{item.id}</code>
              <Chip tone={tone} icon={icon}>
                {word}
              </Chip>
              {item.faults.map((fault) => (
                <span key={fault.pointer + fault.reason} className={css.fault}>
                  <code>{fault.field}</code> {fault.reason}
                </span>
              ))}
            </li>
          );
        })}
      </ul>
    </div>
  );
}
