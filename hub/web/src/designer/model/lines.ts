// Two texts side by side, line by line: the longest common lines stay beside each other.

export interface Line {
  text: string;
  changed: boolean;
}
export interface Pair {
  old: Line | null;
  now: Line | null;
}

/** How many lines two texts have in common from each pair of lines on. */
function common(old: string[], now: string[]): Uint16Array[] {
  const table = Array.from({ length: old.length + 1 }, () => new Uint16Array(now.length + 1));
  for (let i = old.length - 1; i >= 0; i -= 1) {
    const row = table[i] as Uint16Array;
    const below = table[i + 1] as Uint16Array;
    for (let j = now.length - 1; j >= 0; j -= 1) {
      row[j] = old[i] === now[j] ? (below[j + 1] as number) + 1 : Math.max(below[j] as number, row[j + 1] as number);
    }
  }
  return table;
}

/** A definition has at most some thousand lines, so the plain way is fast enough. */
const MOST = 4_000;

export function besideEachOther(oldText: string, nowText: string): Pair[] {
  const old = oldText.replace(/\n$/, '').split('\n').slice(0, MOST);
  const now = nowText.replace(/\n$/, '').split('\n').slice(0, MOST);
  const table = common(old, now);
  const pairs: Pair[] = [];
  let gone: string[] = [];
  let came: string[] = [];
  const flush = () => {
    for (let index = 0; index < Math.max(gone.length, came.length); index += 1) {
      const [before, after] = [gone[index], came[index]];
      pairs.push({
        old: before === undefined ? null : { text: before, changed: true },
        now: after === undefined ? null : { text: after, changed: true },
      });
    }
    gone = [];
    came = [];
  };
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) {
      flush();
      const text = old[i] as string;
      pairs.push({ old: { text, changed: false }, now: { text, changed: false } });
      i += 1;
      j += 1;
    } else if (j >= now.length || (i < old.length && (table[i + 1]?.[j] ?? 0) >= (table[i]?.[j + 1] ?? 0))) {
      gone.push(old[i] as string);
      i += 1;
    } else {
      came.push(now[j] as string);
      j += 1;
    }
  }
  flush();
  return pairs;
}
