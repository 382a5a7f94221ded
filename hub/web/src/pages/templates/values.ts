// What was typed into a template's form, as the Hub takes it.
import type { Fault, Json, TemplateParameter } from '@/api/types';

export type Typed = Record<string, string>;

/** The form's texts at first: the defaults. */
export function defaults(parameters: TemplateParameter[]): Typed {
  return Object.fromEntries(parameters.map(({ name, type, default: given }) => [name, asText(type, given)]));
}

function asText(type: TemplateParameter['type'], given: Json): string {
  if (given === null || given === undefined) return '';
  if (Array.isArray(given)) return given.join(', ');
  return type === 'secret' ? String(given).replace(/^secret:/, '') : String(given);
}

/** The values to send; what is empty is left out, so that the Hub takes its default or says that it is missing. */
export function values(parameters: TemplateParameter[], typed: Typed): Record<string, Json> {
  const entries: [string, Json][] = [];
  for (const { name, type } of parameters) {
    const text = (typed[name] ?? '').trim();
    if (text !== '') entries.push([name, asValue(type, text)]);
  }
  return Object.fromEntries(entries);
}

function asValue(type: TemplateParameter['type'], text: string): Json {
  if (type === 'number') return Number.isFinite(Number(text)) ? Number(text) : text;
  if (type === 'secret') return `secret:${text}`;
  if (type !== 'list') return text;
  return text
    .split(/[,\n]/)
    .map((part) => part.trim())
    .filter(Boolean);
}

export interface Sorted {
  byName: Record<string, string>;
  others: Fault[];
}

/** Faults by the parameter that they are about; `others` are about none. */
export function sortFaults(faults: Fault[], parameters: TemplateParameter[]): Sorted {
  const names = new Set([...parameters.map(({ name }) => name), 'name']);
  const byName: Record<string, string> = {};
  const others: Fault[] = [];
  for (const fault of faults) {
    const name = fault.pointer.split('/').at(-1) ?? '';
    if (names.has(name) && fault.pointer.split('/').length <= 3) byName[name] = fault.reason;
    else others.push(fault);
  }
  return { byName, others };
}

/** What is still to be filled in, known without asking. */
export function missing(parameters: TemplateParameter[], typed: Typed): Record<string, string> {
  const open = parameters.filter(({ name, required }) => required && !(typed[name] ?? '').trim());
  return Object.fromEntries(open.map(({ name }) => [name, 'Is needed']));
}
