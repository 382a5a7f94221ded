// The flowchart with what is set beside it.
import { lazy, Suspense, useMemo } from 'react';
import { Flow } from '@/flow';
import { useDesigner } from './context';
import css from './Designer.module.css';
import { KeysPanel } from './panel/KeysPanel';
import { StepPicker, TriggerPicker } from './panel/PickerPanel';
import { ProblemsPanel } from './panel/ProblemsPanel';
import { SettingsPanel } from './panel/SettingsPanel';
import { StepPanel } from './panel/StepPanel';
import { TriggerPanel } from './panel/TriggerPanel';
import type { View } from './state';

const YamlPanel = lazy(() => import('./yaml/YamlPanel'));

export function Designer() {
  const { definition, catalogue, faults, readOnly, state, act, show } = useDesigner();
  const { view } = state;
  const selected = view.show === 'card' ? view.key : view.show === 'trigger-picker' ? 'trigger' : null;
  const picked = view.show === 'picker' ? view.place : null;
  return (
    <div className={css.designer}>
      <div className={css.canvas}>
        <Flow
          definition={definition}
          catalogue={catalogue}
          faults={faults.counts}
          warnings={faults.warnings}
          mode={readOnly ? 'read' : 'edit'}
          selected={selected}
          picked={picked}
          onAct={act}
          onSelect={(key) => show(key ? { show: 'card', key } : { show: 'nothing' })}
        />
      </div>
      <Side view={view} />
    </div>
  );
}

function Side({ view }: { view: View }) {
  const panel = useMemo(() => {
    switch (view.show) {
      case 'nothing':
        return null;
      case 'trigger-picker':
        return <TriggerPicker />;
      case 'picker':
        return <StepPicker place={view.place} />;
      case 'settings':
        return <SettingsPanel field={view.field} />;
      case 'problems':
        return <ProblemsPanel />;
      case 'keys':
        return <KeysPanel />;
      case 'yaml':
        return <YamlPanel />;
      case 'card':
        if (view.key === 'trigger') return <TriggerPanel />;
        return <StepPanel key={view.key} cardKey={view.key} field={view.field} fresh={view.fresh} />;
    }
  }, [view]);
  return <Suspense fallback={<aside className={css.waiting} aria-busy />}>{panel}</Suspense>;
}
