// A definition as a nested list of sentences.
import type { Definition, Step } from '@/api/types';
import { isBranch, isGate } from '@/designer/model/tree';
import { stepIcon, triggerIcon } from '@/flow/icons';
import type { Sentence } from '@/flow/pieces';
import { conditionSentence, stepSentence } from '@/flow/sentences';
import { humanise } from '@/parts/words';
import css from './Outline.module.css';

export function Outline({ definition, trigger }: { definition: Definition; trigger: string }) {
  const Icon = triggerIcon(definition.trigger?.type);
  return (
    <ol className={css.outline}>
      <li>
        <Icon size={16} aria-hidden />
        <div>
          <b>{trigger}</b>
          {definition.conditions && (
            <span className={css.what}>
              if <Words sentence={conditionSentence(definition.conditions)} />
            </span>
          )}
        </div>
      </li>
      <Steps steps={definition.steps} />
    </ol>
  );
}

function Steps({ steps }: { steps: Step[] }) {
  return steps.map((step) => {
    const Icon = stepIcon(step);
    return (
      <li key={step.id}>
        <Icon size={16} aria-hidden />
        <div>
          <b>{isGate(step) ? 'Only continue if' : isBranch(step) ? 'Branch' : humanise(step.action)}</b>
          <span className={css.what}>
            <Words sentence={stepSentence(step)} />
          </span>
          {isBranch(step) && (
            <>
              <Side label="Yes" steps={step.then ?? []} />
              <Side label="No" steps={step.else ?? []} />
            </>
          )}
        </div>
      </li>
    );
  });
}

function Side({ label, steps }: { label: string; steps: Step[] }) {
  if (steps.length === 0) return null;
  return (
    <div className={css.side}>
      <span className={css.label}>{label}</span>
      <ol className={css.outline}>
        <Steps steps={steps} />
      </ol>
    </div>
  );
}

function Words({ sentence }: { sentence: Sentence }) {
  return sentence.map((piece, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: a sentence has no other order
    <span key={index} data-kind={piece.kind} className={css.piece}>
      {piece.text}
    </span>
  ));
}
