// What a designer offers.

import type { Json, Row } from './common';
import type { Definition } from './definitions';

export interface FieldInfo {
  path: string; // alert.severity: what a condition's field and {{…}} take
  title: string; // Severity
  type: 'text' | 'number' | 'boolean' | 'time' | 'list' | 'object' | 'any';
  choices: string[] | null; // for an enumeration
  sample: Json;
  description: string | null;
}

export interface TriggerInfo {
  type: string; // alert.triggered
  title: string; // Alert triggered
  description: string; // A monitoring alert fires
  source: string; // Security / RMM
  entity: string; // alert
  fields: FieldInfo[]; // the event's data, then event.*, workflow.*, run.*, org
  sample: Row; // a whole sample CloudEvent
}

export interface ActionInfo {
  action: string; // create_ticket
  title: string; // Create ticket
  description: string;
  schema: Row; // JSON Schema of `with`, titles and descriptions for people; x-onestack-widget where a form needs a hint
  output: FieldInfo[]; // paths below steps.<id>
  topic: string;
}

export interface OperatorInfo {
  op: string; // greater_than
  title: string; // is greater than
  types: FieldInfo['type'][]; // for which it makes sense
  value: 'one' | 'list' | 'none';
}

export interface FilterInfo {
  name: string;
  description: string;
  example: string;
}

export interface Catalogue {
  triggers: TriggerInfo[];
  actions: ActionInfo[];
  operators: OperatorInfo[];
  filters: FilterInfo[];
  definition_schema: Row;
}

export interface TemplateParameter {
  name: string;
  label: string;
  description: string;
  type: 'text' | 'email' | 'number' | 'duration' | 'choice' | 'list' | 'board' | 'team' | 'secret';
  default: Json;
  choices: string[];
  least: number | null;
  required: boolean;
}

export interface Template {
  name: string;
  title: string;
  summary: string;
  description: string;
  category: string;
  trigger: string;
  parameters: TemplateParameter[];
  definition: Definition; // filled in with the defaults, placeholders `<<name>>` where there is none: to be drawn
}
