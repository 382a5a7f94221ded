// A form made from a JSON Schema: its fields in order, with the hints that hub/services/catalogue/forms.py gives.

import type { Json, Row } from '../../api/types';

export type Widget =
  | 'text'
  | 'textarea'
  | 'template'
  | 'duration'
  | 'time'
  | 'keyvalue'
  | 'choice'
  | 'list'
  | 'secret'
  | 'code'
  | 'json'
  | 'number'
  | 'boolean';

export interface FieldForm {
  name: string;
  title: string;
  description: string | null;
  widget: Widget;
  template: boolean;
  required: boolean;
  choices: string[];
  suggestions: string[];
  placeholder: string | null;
  fallback: Json | undefined; // what counts where nothing is given
}

export interface FormPlan {
  fields: FieldForm[];
  usual: FieldForm[]; // those that have a usual value and are not set
  either: string[]; // exactly one of these is given
}

const isRow = (value: Json | undefined): value is Row =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const texts = (value: Json | undefined): string[] =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];
const textOr = <T>(value: Json | undefined, otherwise: T): string | T =>
  typeof value === 'string' ? value : otherwise;

const WIDGETS: Record<string, Widget> = {
  integer: 'number',
  number: 'number',
  boolean: 'boolean',
  object: 'keyvalue',
  array: 'list',
};

function widgetOf(schema: Row): Widget {
  const hint = schema['x-onestack-widget'];
  if (typeof hint === 'string') return hint as Widget;
  if (Array.isArray(schema.enum)) return 'choice';
  const type = typeof schema.type === 'string' ? WIDGETS[schema.type] : undefined;
  return type ?? (schema.type === 'string' ? 'text' : 'json');
}

/** The property as it is for these values: its words may depend on another's. */
function forValues(schema: Row, values: Row): Row {
  const by = schema['x-onestack-by'];
  if (!isRow(by)) return schema;
  const made = { ...schema };
  for (const [other, cases] of Object.entries(by)) {
    const value = values[other];
    const found = isRow(cases) && typeof value === 'string' ? cases[value] : undefined;
    if (isRow(found)) Object.assign(made, found);
  }
  return made;
}

function isShown(schema: Row, values: Row): boolean {
  const when = schema['x-onestack-when'];
  if (!isRow(when)) return true;
  return Object.entries(when).every(([other, wanted]) => {
    const value = values[other];
    const template = typeof value === 'string' && value.includes('{{');
    return value === undefined || template || (Array.isArray(wanted) && wanted.includes(value));
  });
}

export function plan(schema: Row, values: Row): FormPlan {
  const properties = isRow(schema.properties) ? schema.properties : {};
  const required = new Set(texts(schema.required));
  const either = texts(schema['x-onestack-either']);
  const all = Object.entries(properties).flatMap(([name, given]) => {
    if (!isRow(given)) return [];
    // What is set is shown, also where it has no place: it can't be taken out otherwise.
    if (!isShown(given, values) && values[name] === undefined) return [];
    return [fieldOf(name, forValues(given, values), required.has(name))];
  });
  const usual = all.filter((one) => one.fallback !== undefined && values[one.name] === undefined && !one.required);
  return { fields: all.filter((one) => !usual.includes(one)), usual, either };
}

function fieldOf(name: string, schema: Row, required: boolean): FieldForm {
  return {
    name,
    title: textOr(schema.title, name),
    description: textOr(schema.description, null),
    widget: widgetOf(schema),
    template: schema['x-onestack-template'] !== false,
    required,
    choices: texts(schema.enum),
    suggestions: texts(schema['x-onestack-suggestions']),
    placeholder: textOr(schema['x-onestack-placeholder'], null),
    fallback: schema.default,
  };
}

/** The values with one set; what is emptied is not given at all. */
export function withValue(values: Row, name: string, value: Json | undefined): Row {
  const { [name]: _, ...rest } = values;
  if (value === undefined || value === '') return rest;
  // In its old place, so that the text view does not jump about.
  return name in values
    ? Object.fromEntries(Object.entries(values).map(([key, old]) => [key, key === name ? value : old]))
    : { ...rest, [name]: value };
}

/** A value as text in a field for any JSON, and back: what reads as JSON is that, all else is text. */
export function jsonText(value: Json | undefined): string {
  if (value === undefined) return '';
  if (typeof value !== 'string') return JSON.stringify(value, null, typeof value === 'object' ? 2 : 0);
  // A text that would read as something else stands in quotation marks.
  return typeof fromJsonText(value) === 'string' && value !== '' ? value : JSON.stringify(value);
}

export function fromJsonText(text: string): Json | undefined {
  const trimmed = text.trim();
  if (trimmed === '') return undefined;
  if (!/^[[{"\d-]|^(true|false|null)$/.test(trimmed)) return text;
  try {
    return JSON.parse(trimmed) as Json;
  } catch {
    return text;
  }
}
