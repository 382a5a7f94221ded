// One template: its few blanks with what is usual filled in, and beside it what will come of it.
import { Button, TextInput } from '@mantine/core';
import { IconArrowLeft, IconCheck } from '@tabler/icons-react';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { isProblem } from '@/api/client';
import { useMay } from '@/api/session';
import type { Fault, Template } from '@/api/types';
import { createWorkflow, fillTemplate } from '@/api/writes';
import { humanise } from '@/parts/words';
import { toast } from '@/shell/Toasts';
import { useTitle } from '@/shell/title';
import { Field } from './Field';
import { MiniFlow } from './MiniFlow';
import { Outline } from './Outline';
import css from './templates.module.css';
import { defaults, missing, sortFaults, values } from './values';

type Wanted = 'draft' | 'enabled';

export function TemplateForm({ template }: { template: Template }) {
  useTitle(template.title);
  const mayWrite = useMay('hub.workflows.write');
  return (
    <div className={css.one}>
      <Link href="/templates" className={css.back}>
        <IconArrowLeft size={15} aria-hidden /> Templates
      </Link>
      <h1>{template.title}</h1>
      <p className={css.summary}>{template.summary}</p>
      <div className={css.columns}>
        {mayWrite ? (
          <Blanks template={template} />
        ) : (
          <p className={css.readOnly}>Your role may look at templates, but not save workflows.</p>
        )}
        <aside className={css.about} aria-label="What it does">
          <div className={css.picture}>
            <MiniFlow definition={template.definition} label={`The flow of ${template.title}`} />
          </div>
          <Outline
            definition={template.definition}
            trigger={humanise(template.trigger)}
            labels={Object.fromEntries(template.parameters.map(({ name, label }) => [name, label]))}
          />
          <p className={css.description}>{template.description}</p>
        </aside>
      </div>
    </div>
  );
}

function useSaving(template: Template) {
  const [, navigate] = useLocation();
  const [busy, setBusy] = useState<Wanted | null>(null);
  const [errors, setErrors] = useState<Record<string, string>>({});
  const [others, setOthers] = useState<Fault[]>([]);
  const [trouble, setTrouble] = useState('');

  const save = async (name: string, typed: Record<string, string>, state: Wanted) => {
    setBusy(state);
    setErrors({});
    setOthers([]);
    setTrouble('');
    try {
      const filled = await fillTemplate(template.name, { values: values(template.parameters, typed), name });
      // Without an id: the Hub makes one from the name that is not taken yet.
      const { id: _id, ...definition } = filled.definition;
      const workflow = await createWorkflow({ ...definition, name, state });
      const open = () => navigate(`/workflows/${encodeURIComponent(workflow.id)}`);
      if (state === 'draft') {
        toast({ text: `“${name}” is saved as a draft.` });
        open();
      } else {
        toast({ text: `“${name}” is enabled.`, act: { label: 'Open', run: open } });
        navigate('/workflows');
      }
    } catch (error) {
      const sorted = sortFaults(isProblem(error) ? error.faults : [], template.parameters);
      setErrors(sorted.byName);
      setOthers(sorted.others);
      // What stands beside its field needs not be told again below.
      const told = Object.keys(sorted.byName).length > 0 && sorted.others.length === 0;
      setTrouble(told ? '' : error instanceof Error ? error.message : String(error));
      setBusy(null);
    }
  };
  return { busy, errors, setErrors, others, trouble, save };
}

function Blanks({ template }: { template: Template }) {
  const form = useRef<HTMLFormElement>(null);
  const [name, setName] = useState(template.title);
  const [typed, setTyped] = useState(() => defaults(template.parameters));
  const { busy, errors, setErrors, others, trouble, save } = useSaving(template);

  // Where something is at fault, the first of it is at hand.
  useEffect(() => {
    const [first] = Object.keys(errors);
    if (first) form.current?.querySelector<HTMLElement>(`[name="${CSS.escape(first)}"]`)?.focus();
  }, [errors]);

  const submit = (state: Wanted) => {
    const open = { ...missing(template.parameters, typed), ...(name.trim() ? {} : { name: 'Is needed' }) };
    setErrors(open);
    if (Object.keys(open).length === 0) void save(name.trim(), typed, state);
  };
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    submit('enabled');
  };

  return (
    <form ref={form} className={css.form} onSubmit={onSubmit} noValidate>
      <TextInput
        label="Name"
        name="name"
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        error={errors.name}
        maxLength={200}
      />
      {template.parameters.map((parameter) => (
        <Field
          key={parameter.name}
          parameter={parameter}
          value={typed[parameter.name] ?? ''}
          onChange={(value) => setTyped({ ...typed, [parameter.name]: value })}
          error={errors[parameter.name]}
        />
      ))}
      {trouble && (
        <div className={css.trouble} role="alert">
          {trouble}
          {others.length > 0 && (
            <ul>
              {others.map((fault) => (
                <li key={fault.pointer}>
                  <code>{fault.field}</code> {fault.reason}
                </li>
              ))}
            </ul>
          )}
        </div>
      )}
      <div className={css.buttons}>
        <Button
          type="submit"
          leftSection={<IconCheck size={16} aria-hidden />}
          loading={busy === 'enabled'}
          disabled={busy === 'draft'}
        >
          Save &amp; enable
        </Button>
        <Button
          variant="default"
          loading={busy === 'draft'}
          disabled={busy === 'enabled'}
          onClick={() => submit('draft')}
        >
          Save as draft
        </Button>
      </div>
    </form>
  );
}
