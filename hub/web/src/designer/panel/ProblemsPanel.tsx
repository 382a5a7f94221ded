// What is wrong or missing, each leading to its field; warnings; and loops, drawn.
import { IconAlertCircle, IconAlertTriangle, IconListCheck } from '@tabler/icons-react';
import { stepTitle, triggerTitle } from '@/flow/sentences';
import { useDesigner } from '../context';
import type { Told } from '../faults';
import { atPath } from '../model/tree';
import type { View } from '../state';
import { CycleDrawing } from './CycleDrawing';
import { Panel } from './Panel';
import css from './panels.module.css';

/** Where a fault leads. */
export function viewOf(told: Told): View {
  if (told.key === 'settings') return { show: 'settings', field: told.rest };
  if (told.key === 'trigger') return { show: 'trigger-picker' };
  if (told.key === 'end') return { show: 'picker', place: { list: '', index: Number.MAX_SAFE_INTEGER } };
  return { show: 'card', key: told.key, field: told.rest };
}

export function ProblemsPanel() {
  const { faults, validation, definition, catalogue, show } = useDesigner();
  const cycles = validation?.cycles ?? [];
  const where = (told: Told): string => {
    if (told.key === 'trigger')
      return definition.trigger ? triggerTitle(definition.trigger.type, catalogue) : 'Trigger';
    if (told.key === 'conditions') return 'Only if';
    if (told.key === 'end') return 'Steps';
    if (told.key === 'settings') return told.rest === 'name' ? 'Name' : 'Workflow settings';
    const step = atPath(definition, told.key)?.step;
    return step ? stepTitle(step, catalogue) : told.key;
  };
  const go = (told: Told) => {
    if (told.key === 'settings' && told.rest === 'name') document.getElementById('workflow-name')?.focus();
    else show(viewOf(told));
  };
  const list = (kinds: Told['kind'][]) => faults.all.filter((one) => kinds.includes(one.kind));
  const one = (told: Told) => {
    const Mark = told.kind === 'warning' ? IconAlertTriangle : IconAlertCircle;
    return (
      <li key={`${told.field}${told.reason}`}>
        <button type="button" className={css.fault} data-kind={told.kind} onClick={() => go(told)}>
          <Mark size={16} aria-hidden />
          <span>
            <b>{where(told)}</b>
            {fieldWords(told)} {told.reason}
          </span>
        </button>
      </li>
    );
  };
  const missing = list(['fault', 'missing']);
  const warnings = list(['warning']);
  return (
    <Panel title="To look at" icon={IconListCheck}>
      {missing.length > 0 && (
        <>
          <h3 className={css.sub}>Before it can be enabled</h3>
          <ul className={css.list}>{missing.map(one)}</ul>
        </>
      )}
      {cycles.map((cycle) => (
        <CycleDrawing key={cycle.words} cycle={cycle} />
      ))}
      {warnings.length > 0 && (
        <>
          <h3 className={css.sub}>Warnings</h3>
          <ul className={css.list}>{warnings.map(one)}</ul>
        </>
      )}
      {faults.all.length === 0 && cycles.length === 0 && <p className={css.note}>Nothing is wrong.</p>}
    </Panel>
  );
}

const fieldWords = (told: Told): string => (told.rest ? told.rest.replace(/^with\./, '').replaceAll('_', ' ') : '');
