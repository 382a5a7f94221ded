// Where a field of a definition stands in its YAML text.
import type { SyntaxNode, Tree } from '@lezer/common';

/** steps[1].with.title as its parts. */
export function partsOf(field: string): (string | number)[] {
  return field
    .split(/[.[\]]+/)
    .filter(Boolean)
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}

/** From where to where the field stands, or the innermost part of its path that is there. */
export function placeOf(tree: Tree, text: string, field: string): { from: number; to: number } {
  let node: SyntaxNode | null = tree.topNode;
  let found = { from: 0, to: firstLine(text) };
  for (const part of partsOf(field)) {
    const inner: SyntaxNode | null = node && (typeof part === 'number' ? itemOf(node, part) : pairOf(node, part, text));
    if (!inner) return found;
    const key = inner.getChild('Key');
    const line = text.indexOf('\n', inner.from);
    found = {
      from: inner.from,
      to: key
        ? Math.max(key.to, line < 0 ? inner.to : Math.min(line, inner.to))
        : Math.min(inner.to, line < 0 ? inner.to : line),
    };
    node = inner;
  }
  return found;
}

const firstLine = (text: string) => Math.max(0, text.indexOf('\n'));

const MAPPINGS = ['BlockMapping', 'FlowMapping'];
const SEQUENCES = ['BlockSequence', 'FlowSequence'];

/** The first collection of a kind below a node, without going into other collections. */
function collection(node: SyntaxNode, kinds: string[]): SyntaxNode | null {
  if (kinds.includes(node.name)) return node;
  for (let child = node.firstChild; child; child = child.nextSibling) {
    if (child.name === 'Key') continue;
    if (kinds.includes(child.name)) return child;
    if (['Stream', 'Document', 'Pair', 'Item', 'Tagged', 'Anchored'].includes(child.name)) {
      const found = collection(child, kinds);
      if (found) return found;
    }
  }
  return null;
}

function pairOf(node: SyntaxNode, name: string, text: string): SyntaxNode | null {
  const mapping = collection(node, MAPPINGS);
  for (let pair = mapping?.firstChild ?? null; pair; pair = pair.nextSibling) {
    const key = pair.name === 'Pair' ? pair.getChild('Key') : null;
    if (key && text.slice(key.from, key.to).replace(/^["']|["']$/g, '') === name) return pair;
  }
  return null;
}

function itemOf(node: SyntaxNode, index: number): SyntaxNode | null {
  return collection(node, SEQUENCES)?.getChildren('Item')[index] ?? null;
}

/** The place that a reason of the YAML reader names: line 3, column 5. */
export function placeInReason(text: string, reason: string): { from: number; to: number } | null {
  const found = /line (\d+)(?:, column (\d+))?/.exec(reason);
  if (!found) return null;
  const lines = text.split('\n');
  const line = Math.min(Number(found[1]), lines.length) - 1;
  const start = lines.slice(0, line).reduce((sum, one) => sum + one.length + 1, 0);
  return { from: start, to: start + (lines[line] ?? '').length };
}
