// A variable that is being typed: where it begins in the text, and what it is searched by.

export interface Typing {
  from: number; // of its first brace
  query: string;
}

const OPEN = /\{\{?[ ]?([\w.-]*(?: [\w.-]*)?)$/;

/** What is typed before the caret, if it is the beginning of a variable. */
export function typingAt(text: string, caret: number): Typing | null {
  const before = text.slice(0, caret);
  const found = OPEN.exec(before);
  if (!found) return null;
  // Inside an expression that is closed already nothing is begun: the caret only stands there.
  const after = text.slice(caret);
  const closes = after.indexOf('}}');
  const opens = after.indexOf('{{');
  if (closes >= 0 && (opens < 0 || closes < opens) && before.slice(found.index).startsWith('{{')) return null;
  return { from: found.index, query: (found[1] ?? '').replace(/[._]/g, ' ').trim() };
}

/** The text with a variable put in for what was typed of it, and where the caret stands then. */
export function withVariable(text: string, from: number, caret: number, path: string): { text: string; caret: number } {
  const put = `{{${path}}}`;
  const rest = text.slice(caret).replace(/^\}{1,2}/, '');
  return { text: text.slice(0, from) + put + rest, caret: from + put.length };
}
