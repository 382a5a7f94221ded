// The head of a workflow's page: its name, its state, what is wrong, and saving.
import { Button, Menu } from '@mantine/core';
import {
  IconAlertCircle,
  IconArrowBackUp,
  IconArrowForwardUp,
  IconCheck,
  IconChevronDown,
  IconCode,
  IconDeviceFloppy,
  IconKeyboard,
  IconSettings,
  type TablerIcon,
} from '@tabler/icons-react';
import type { Definition, State } from '@/api/types';
import type { Designer } from '@/designer/context';
import { canRedo, canUndo } from '@/designer/model/history';
import type { Step } from '@/designer/state';
import tip from '@/designer/tip.module.css';
import type { Saving } from '@/designer/useSaving';
import { StateChip } from '@/parts/status';
import { WorkflowTabs } from '@/parts/WorkflowTabs';
import { count } from '@/parts/words';
import css from './editor.module.css';
import { NameField } from './NameField';

interface Props {
  designer: Designer;
  saving: Saving;
  whole: Definition;
  unsaved: boolean;
  current: boolean;
  testing: boolean;
  dispatch: (step: Step) => void;
  leave: () => void;
}

export function Head(props: Props) {
  const { designer, whole, unsaved, testing, leave } = props;
  const { saved } = designer.state;
  return (
    <header className={css.head}>
      <div className={css.top}>
        <NameField designer={designer} proposed={whole.name}>
          <StateChip state={designer.definition.state} />
          <span className={css.version} role="status">
            {saved ? `Version ${saved.version}` : 'Not saved yet'}
            {saved && unsaved ? ' · unsaved changes' : props.saving.told && ` · ${props.saving.told}`}
          </span>
        </NameField>
        {!designer.readOnly && (
          <div className={css.actions}>
            <Trouble designer={designer} current={props.current} />
            <SaveButtons {...props} />
          </div>
        )}
      </div>
      <div className={css.second}>
        <WorkflowTabs id={saved?.id ?? null} here={testing ? 'test' : 'designer'} onLeave={leave} />
        <Tools {...props} />
      </div>
    </header>
  );
}

/** How many things are wrong or missing; leads to them. */
function Trouble({ designer, current }: { designer: Designer; current: boolean }) {
  const { validation, faults, show } = designer;
  const wrong = faults.all.filter((one) => one.kind !== 'warning').length;
  const warnings = faults.all.length - wrong + (validation?.cycles.length ?? 0);
  if (!validation || designer.definition.steps.length + (designer.definition.trigger ? 1 : 0) === 0) return null;
  if (wrong + warnings === 0) {
    return (
      <span className={css.fine} data-current={current || undefined}>
        <IconCheck size={15} stroke={2.2} aria-hidden />
        <span>Ready</span>
      </span>
    );
  }
  const words = [wrong > 0 && `${wrong} to fix`, warnings > 0 && count(warnings, 'warning')].filter(Boolean).join(', ');
  return (
    <button
      type="button"
      className={css.trouble}
      data-tone={wrong > 0 ? 'bad' : 'wait'}
      onClick={() => show({ show: 'problems' })}
    >
      <IconAlertCircle size={15} stroke={2.2} aria-hidden />
      {words}
    </button>
  );
}

const OTHERS: { state: State; label: string }[] = [
  { state: 'shadow', label: 'Save as shadow' },
  { state: 'draft', label: 'Save as draft' },
  { state: 'disabled', label: 'Save and disable' },
];

function SaveButtons({ designer, saving, unsaved }: Props) {
  const { definition, state, validation, show } = designer;
  const now = definition.state;
  const enabled = now === 'enabled';
  const busy = saving.busy !== null;
  const enable = () =>
    enableNow(
      !(designer.current && validation?.ready === false),
      () => show({ show: 'problems' }),
      () => void saving.save('enabled'),
    );
  const save = () => void saving.save(now);
  const others = OTHERS.filter((one) => one.state !== now && !(one.state === 'disabled' && !enabled));
  const nothing = state.saved !== null && !unsaved;
  return (
    <div className={css.save}>
      <Button
        variant={enabled ? 'filled' : 'default'}
        leftSection={<IconDeviceFloppy size={16} aria-hidden />}
        loading={busy && saving.busy === now}
        disabled={nothing || busy}
        title="Save (Ctrl+S)"
        onClick={save}
      >
        {nothing ? 'Saved' : 'Save'}
      </Button>
      {!enabled && (
        <Button
          loading={busy && saving.busy === 'enabled'}
          disabled={busy}
          title="Save & enable (Ctrl+Enter)"
          onClick={enable}
        >
          Save & enable
        </Button>
      )}
      <Menu>
        <Menu.Target>
          <Button variant="default" px={8} aria-label="More ways to save" disabled={busy}>
            <IconChevronDown size={16} aria-hidden />
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {others.map((one) => (
            <Menu.Item key={one.state} onClick={() => void saving.save(one.state)}>
              {one.label}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
    </div>
  );
}

/** What is known not to be ready is not sent: what is missing is shown instead. */
export function enableNow(ready: boolean, tell: () => void, save: () => void): void {
  if (ready) save();
  else tell();
}

function Tools({ designer, dispatch, testing }: Props) {
  const { state, show, readOnly } = designer;
  const toggle = (name: 'yaml' | 'settings' | 'keys') =>
    show(state.view.show === name ? { show: 'nothing' } : { show: name });
  if (testing) return null;
  return (
    <div className={css.tools}>
      {!readOnly && (
        <>
          <Tool
            label="Undo"
            keys="Ctrl+Z"
            icon={IconArrowBackUp}
            off={!canUndo(state.history)}
            onClick={() => dispatch({ do: 'undo' })}
          />
          <Tool
            label="Redo"
            keys="Ctrl+Shift+Z"
            icon={IconArrowForwardUp}
            off={!canRedo(state.history)}
            onClick={() => dispatch({ do: 'redo' })}
          />
          <span className={css.line} />
        </>
      )}
      <Tool
        label="Settings"
        icon={IconSettings}
        on={state.view.show === 'settings'}
        words
        onClick={() => toggle('settings')}
      />
      <Tool label="YAML" icon={IconCode} on={state.view.show === 'yaml'} words onClick={() => toggle('yaml')} />
      <Tool label="Keys" keys="?" icon={IconKeyboard} on={state.view.show === 'keys'} onClick={() => toggle('keys')} />
    </div>
  );
}

interface ToolProps {
  label: string;
  keys?: string;
  icon: TablerIcon;
  on?: boolean;
  off?: boolean;
  words?: boolean;
  onClick: () => void;
}

function Tool({ label, keys, icon: Mark, on, off, words, onClick }: ToolProps) {
  return (
    <button
      type="button"
      className={words ? css.tool : `${css.tool} ${tip.tip}`}
      data-tip={keys ? `${label} (${keys})` : label}
      data-side="left"
      aria-label={label}
      aria-pressed={on}
      disabled={off}
      onClick={onClick}
    >
      <Mark size={17} stroke={1.8} aria-hidden />
      {words && <span>{label}</span>}
    </button>
  );
}
