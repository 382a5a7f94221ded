export type { Act } from './acts';
export { Flow, type FlowProps } from './Flow';
export {
  type CardState,
  type CardStatus,
  type FlowStatus,
  flowStatus,
  type RunOutcome,
  type StepOutcome,
} from './status';
