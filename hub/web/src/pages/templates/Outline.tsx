// A definition as a nested list of sentences.
import type { Definition, Step } from '@/api/types';
import { isBranch, isGate } from '@/designer/model/tree';
import { stepIcon, triggerIcon } from '@/flow/icons';
import type { Sentence } from '@/flow/pieces';
import { conditionSentence, stepSentence } from '@/flow/sentences';
import { humanise } from '@/parts/words';
import css from './Outline.module.css';

/** What a template's open places are called, by their names. */
export type Labels = Record<string, string>;

interface Props {
  definition: Definition;
  trigger: string;
  labels: Labels;
}

export function Outline({ definition, trigger, labels }: Props) {
  const Icon = triggerIcon(definition.trigger?.type);
  return (
    <ol className={css.outline}>
      <li>
        <Icon size={16} aria-hidden />
        <div>
          <b>{trigger}</b>
          {definition.conditions && (
            <span className={css.what}>
              if <Words sentence={conditionSentence(definition.conditions)} labels={labels} />
            </span>
          )}
        </div>
      </li>
      <Steps steps={definition.steps} labels={labels} />
    </ol>
  );
}

function Steps({ steps, labels }: { steps: Step[]; labels: Labels }) {
  return steps.map((step) => {
    const Icon = stepIcon(step);
    return (
      <li key={step.id}>
        <Icon size={16} aria-hidden />
        <div>
          <b>{isGate(step) ? 'Only continue if' : isBranch(step) ? 'Branch' : humanise(step.action)}</b>
          <span className={css.what}>
            <Words sentence={stepSentence(step)} labels={labels} />
          </span>
          {isBranch(step) && (
            <>
              <Side label="Yes" steps={step.then ?? []} labels={labels} />
              <Side label="No" steps={step.else ?? []} labels={labels} />
            </>
          )}
        </div>
      </li>
    );
  });
}

function Side({ label, steps, labels }: { label: string; steps: Step[]; labels: Labels }) {
  if (steps.length === 0) return null;
  return (
    <div className={css.side}>
      <span className={css.label}>{label}</span>
      <ol className={css.outline}>
        <Steps steps={steps} labels={labels} />
      </ol>
    </div>
  );
}

const OPEN = /<<([a-z0-9_]+)>>/;

function Words({ sentence, labels }: { sentence: Sentence; labels: Labels }) {
  const pieces = sentence.flatMap((piece) =>
    // Every other part is the name of an open place.
    piece.text
      .split(OPEN)
      .map((text, index) => (index % 2 === 0 ? { ...piece, text } : { kind: 'blank', text: labels[text] ?? text })),
  );
  return pieces.map((piece, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: a sentence has no other order
    <span key={index} data-kind={piece.kind} className={css.piece}>
      {piece.text}
    </span>
  ));
}
