import { closingBrace, indentAt, indentUnitOf, lineEndOf, maskPhp } from '../../../src/moving/php-mask.ts';
import { BEGIN, END, METHOD } from './script-snippet.ts';
import { replaced } from './xml-outline.ts';

export type ScriptEdit = { ok: true; text: string } | { ok: false; why: string };

interface ScriptClass {
  /** Before the brace: name, parents. */
  head: string;
  open: number;
  close: number;
}

/** Puts a method into the class of an install script and calls it first thing in `postflight`. What is there from before is renewed. */
export function editScript(source: string, method: readonly string[]): ScriptEdit {
  const renewed = renew(source, method);
  if (renewed !== null) return { ok: true, text: renewed };
  const masked = maskPhp(source);
  if (masked === null) return { ok: false, why: 'it holds no PHP' };
  const classes = classesIn(masked);
  const withPostflight = classes.filter((each) => postflightIn(masked, each) !== null);
  const named = classes.filter(({ head }) => /InstallerScript/i.test(head));
  const candidates = withPostflight.length > 0 ? withPostflight : named.length > 0 ? named : classes;
  const [only, ...more] = candidates;
  if (only === undefined) return { ok: false, why: 'it holds no class' };
  if (more.length > 0) return { ok: false, why: 'it holds several classes, and which one Joomla takes is not clear' };
  return insert(source, masked, only, method);
}

function insert(source: string, masked: string, script: ScriptClass, method: readonly string[]): ScriptEdit {
  const newline = lineEndOf(source);
  const outer = indentAt(source, script.close);
  const step = indentUnitOf(source) ?? '    ';
  const indented = (lines: readonly string[], by: string) =>
    lines.map((line) => (line === '' ? '' : by + line.replace(/^(?: {4})+/, (deep) => step.repeat(deep.length / 4))));
  const own = outer + step;
  const postflight = postflightIn(masked, script);
  if (postflight?.isStatic) return { ok: false, why: 'its postflight is static' };
  const added = [...indented(method, own)];
  if (postflight === null) added.unshift(...indented(newPostflight(script.head), own), '');
  const body = `${newline}${added.join(newline)}${newline}${outer}`;
  const closeLine = source.lastIndexOf('\n', script.close - 1) + 1;
  const isAlone = /^[ \t]*$/.test(source.slice(closeLine, script.close));
  const edits = [{ start: isAlone ? closeLine : script.close, end: script.close, text: body }];
  if (postflight !== null) {
    const call = `${newline}${own}${step}$this->${METHOD}();${newline}`;
    edits.push({ start: postflight.bodyStart, end: postflight.bodyStart, text: call });
  }
  return { ok: true, text: replaced(source, edits) };
}

function renew(source: string, method: readonly string[]): string | null {
  const start = source.indexOf(BEGIN);
  const end = source.indexOf(END, start);
  if (start === -1 || end === -1) return null;
  const indent = indentAt(source, start);
  const step = indentUnitOf(source) ?? '    ';
  const lines = method.map((line, i) => {
    const deep = line.replace(/^(?: {4})+/, (blanks) => step.repeat(blanks.length / 4));
    return i === 0 || line === '' ? deep : indent + deep;
  });
  return source.slice(0, start) + lines.join(lineEndOf(source)) + source.slice(end + END.length);
}

/** Those that are not inside another one's body. */
function classesIn(masked: string): ScriptClass[] {
  const found: ScriptClass[] = [];
  for (const match of masked.matchAll(/(?<![:$\w])class\b([^{;]*)\{/g)) {
    const open = match.index + match[0].length - 1;
    const close = closingBrace(masked, open);
    if (close !== -1) found.push({ head: match[1] ?? '', open, close });
  }
  return found;
}

function postflightIn(masked: string, { open, close }: ScriptClass): { bodyStart: number; isStatic: boolean } | null {
  const pattern = /((?:\b(?:public|final|static)\s+)*)function\s+&?\s*postflight\s*\(/gi;
  pattern.lastIndex = open;
  for (let match = pattern.exec(masked); match !== null && match.index < close; match = pattern.exec(masked)) {
    if (depthOf(masked.slice(open + 1, match.index)) !== 0) continue;
    const brace = masked.indexOf('{', match.index);
    return brace === -1 ? null : { bodyStart: brace + 1, isStatic: /\bstatic\b/i.test(match[1] ?? '') };
  }
  return null;
}

function depthOf(masked: string): number {
  let depth = 0;
  for (const sign of masked) depth += sign === '{' ? 1 : sign === '}' ? -1 : 0;
  return depth;
}

function newPostflight(head: string): string[] {
  const hasParent = /\bextends\b/.test(head);
  const result = hasParent
    ? "return is_callable([get_parent_class($this), 'postflight']) ? parent::postflight($type, $parent) : true;"
    : 'return true;';
  return ['public function postflight($type, $parent)', '{', `    $this->${METHOD}();`, '', `    ${result}`, '}'];
}
