// What stands on each card of a definition.
import type { Catalogue, Definition } from '../api/types';
import type { CardFace } from './Card';
import { conditionsIcon, stepIcon, triggerIcon } from './icons';
import type { Box } from './layout';
import {
  conditionSentence,
  entityOf,
  stepSentence,
  stepTitle,
  triggerNotes,
  triggerSentence,
  triggerTitle,
} from './sentences';

export function faceOf(definition: Definition, box: Box, catalogue?: Catalogue | null): CardFace | null {
  if (box.kind === 'trigger') return triggerFace(definition, catalogue);
  const entity = entityOf(definition.trigger?.type);
  if (box.kind === 'conditions' && definition.conditions) {
    return {
      icon: conditionsIcon,
      over: 'Only if',
      title: '',
      sentence: conditionSentence(definition.conditions, entity),
    };
  }
  if (!box.step) return null;
  return { icon: stepIcon(box.step), title: stepTitle(box.step, catalogue), sentence: stepSentence(box.step, entity) };
}

function triggerFace(definition: Definition, catalogue?: Catalogue | null): CardFace {
  const type = definition.trigger?.type;
  if (!type)
    return { icon: triggerIcon(undefined), over: 'When', title: 'Choose a trigger', sentence: [], ghost: true };
  return {
    icon: triggerIcon(type),
    over: 'When',
    title: triggerTitle(type, catalogue),
    sentence: triggerSentence(definition, catalogue),
    notes: triggerNotes(definition, catalogue),
  };
}

/** A card's name in other cards' words: after Create ticket. */
export function nameOf(definition: Definition, box: Box | undefined, catalogue?: Catalogue | null): string {
  if (!box) return '';
  if (box.kind === 'trigger') return 'the trigger';
  if (box.kind === 'conditions') return 'the conditions';
  if (box.step) return stepTitle(box.step, catalogue);
  const branch = box.key.endsWith('/join') ? 'the branch' : '';
  return branch || (definition.trigger ? 'the trigger' : '');
}
