const CONTEXT = 3;
/** More lines than this in the changed middle are shown as one block. */
const MOST_CELLS = 4_000_000;

/** A unified diff of one file, as `git diff` prints it; empty for equal texts. `before` null: the file is new. */
export function unifiedDiff(path: string, before: string | null, after: string): string {
  if (before === after) return '';
  const a = linesOf(before ?? '');
  const b = linesOf(after);
  const steps = stepsOf(a, b);
  const head = [`--- ${before === null ? '/dev/null' : `a/${path}`}`, `+++ b/${path}`];
  return `${[...head, ...hunksOf(steps)].join('\n')}\n`;
}

interface Step {
  sign: ' ' | '-' | '+';
  line: string;
}

function linesOf(text: string): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** Equal beginnings and ends are cut off; the middle is compared line by line (longest common subsequence). */
function stepsOf(a: readonly string[], b: readonly string[]): Step[] {
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail])
    tail += 1;
  const same = (line: string): Step => ({ sign: ' ', line });
  return [
    ...a.slice(0, head).map(same),
    ...middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail)),
    ...a.slice(a.length - tail).map(same),
  ];
}

function middle(a: readonly string[], b: readonly string[]): Step[] {
  const gone = (line: string): Step => ({ sign: '-', line });
  const come = (line: string): Step => ({ sign: '+', line });
  if (a.length * b.length > MOST_CELLS) return [...a.map(gone), ...b.map(come)];
  const width = b.length + 1;
  const common = new Uint32Array((a.length + 1) * width);
  const at = (i: number, j: number) => common[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      common[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const steps: Step[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const [left, right] = [a[i], b[j]];
    if (left !== undefined && left === right) {
      steps.push({ sign: ' ', line: left });
      i += 1;
      j += 1;
    } else if (left !== undefined && (right === undefined || at(i + 1, j) >= at(i, j + 1))) {
      steps.push(gone(left));
      i += 1;
    } else if (right !== undefined) {
      steps.push(come(right));
      j += 1;
    }
  }
  return steps;
}

function hunksOf(steps: readonly Step[]): string[] {
  const out: string[] = [];
  const changed = steps.flatMap(({ sign }, i) => (sign === ' ' ? [] : [i]));
  let from = 0;
  while (from < changed.length) {
    let to = from;
    while (to + 1 < changed.length && (changed[to + 1] ?? 0) - (changed[to] ?? 0) <= 2 * CONTEXT) to += 1;
    const start = Math.max(0, (changed[from] ?? 0) - CONTEXT);
    const end = Math.min(steps.length, (changed[to] ?? 0) + CONTEXT + 1);
    out.push(headOf(steps, start, end), ...steps.slice(start, end).map(({ sign, line }) => sign + line));
    from = to + 1;
  }
  return out;
}

function headOf(steps: readonly Step[], start: number, end: number): string {
  const count = (part: readonly Step[], without: string) => part.filter(({ sign }) => sign !== without).length;
  const [before, hunk] = [steps.slice(0, start), steps.slice(start, end)];
  const range = (without: string) => {
    const length = count(hunk, without);
    return `${count(before, without) + (length === 0 ? 0 : 1)},${length}`;
  };
  return `@@ -${range('+')} +${range('-')} @@`;
}
