import type { PhpToken } from './php-source.ts';

type Expression = readonly PhpToken[];

/** How many names (constants, variables, properties) are followed for one value: a circle ends, a hostile file stays cheap. */
const MOST_NAMES = 30;
const MOST_TOKENS = 2_000;
const LONGEST_TEXT = 4_000;
const MOST_BRACKETS = 8;

/** A text as far as it can be known without running PHP; what is computed stands as `*`. `whole`: nothing is computed. */
export interface KnownText {
  text: string;
  whole: boolean;
}

/**
 * Where the class gives a value to one of its properties (positions for `expressionAt`): the declaration first,
 * then each `$this->name = ...;` in file order.
 */
export function valuesOfProperty(tokens: Expression, property: string): number[] {
  const declared: number[] = [];
  const assigned: number[] = [];
  for (let i = 0; i < tokens.length; i++) {
    if (tokens[i]?.kind !== 'variable') continue;
    if (isVariable(tokens[i], `$${property}`) && isSign(tokens[i + 1], '=') && isDeclaration(tokens, i)) {
      declared.push(i + 2);
    } else if (isPropertyAt(tokens, i, property) && isSign(tokens[i + 3], '=')) {
      assigned.push(i + 4);
    }
  }
  return [...declared, ...assigned];
}

/** The tokens from there to the end of the statement, at most 2,000. */
export function expressionAt(tokens: Expression, from: number): Expression {
  const last = Math.min(tokens.length, from + MOST_TOKENS);
  let depth = 0;
  for (let i = from; i < last; i++) {
    depth += depthChange(tokens[i]);
    if (depth < 0 || (depth === 0 && isSign(tokens[i], ';'))) return tokens.slice(from, i);
  }
  return tokens.slice(from, last);
}

/** Follows concatenation, class constants, plain variables and other properties; anything else is computed. */
export function knownText(expression: Expression, tokens: Expression, names = { left: MOST_NAMES }): KnownText {
  const known = splitAt(unwrapped(expression), '.').map((operand) => knownOperand(unwrapped(operand), tokens, names));
  return {
    text: known
      .map((part) => part.text)
      .join('')
      .slice(0, LONGEST_TEXT),
    whole: known.every((part) => part.whole),
  };
}

/** `array(7, 1)`, `[7, 1]`, `array(19, -3)`, `['8', '1']`; null for anything that holds more than integers, and for none. */
export function knownIntegers(expression: Expression): number[] | null {
  const parts =
    expression[0]?.kind === 'name' && expression[0].value.toLowerCase() === 'array' ? expression.slice(1) : expression;
  const bracketed =
    (isSign(parts[0], '[') && isSign(parts.at(-1), ']')) || (isSign(parts[0], '(') && isSign(parts.at(-1), ')'));
  if (!bracketed) return null;
  const items = splitAt(parts.slice(1, -1), ',').filter((item) => item.length > 0);
  const numbers: number[] = [];
  for (const item of items) {
    const number = knownInteger(splitAt(item, '=>').at(-1) ?? item);
    if (number === null) return null;
    numbers.push(number);
  }
  return numbers.length > 0 ? numbers : null;
}

/** A whole number, also in quotes; null for anything else. */
export function knownInteger(expression: Expression): number | null {
  const negative = isSign(expression[0], '-');
  const [token, ...rest] = negative ? expression.slice(1) : expression;
  if (!token || rest.length > 0 || (token.kind !== 'number' && token.kind !== 'text')) return null;
  const digits = token.kind === 'number' ? token.value.replaceAll('_', '') : token.value.trim();
  if (!/^-?\d{1,15}$/.test(digits)) return null;
  return negative ? -Number(digits) : Number(digits);
}

const COMPUTED: KnownText = { text: '*', whole: false };

function knownOperand(operand: Expression, tokens: Expression, names: { left: number }): KnownText {
  const [first, second, third] = operand;
  if (!first) return COMPUTED;
  if (operand.length === 1) {
    if (first.kind === 'text' || first.kind === 'number') return { text: first.value, whole: true };
    if (first.kind === 'computed') return { text: first.value, whole: false };
    if (first.kind === 'variable') return knownNamed(() => valuesOfVariable(tokens, first.value), tokens, names);
    return COMPUTED;
  }
  if (operand.length !== 3 || third?.kind !== 'name') return COMPUTED;
  if (isSign(second, '::')) return knownNamed(() => valuesOfConstant(tokens, third.value), tokens, names);
  if (isVariable(first, '$this') && isSign(second, '->')) {
    return knownNamed(() => valuesOfProperty(tokens, third.value), tokens, names);
  }
  return COMPUTED;
}

/** A name with several values depends on what happens while running. */
function knownNamed(find: () => number[], tokens: Expression, names: { left: number }): KnownText {
  if (names.left === 0) return COMPUTED;
  names.left -= 1;
  const [only, ...others] = find();
  if (only === undefined || others.length > 0) return COMPUTED;
  return knownText(expressionAt(tokens, only), tokens, names);
}

function valuesOfConstant(tokens: Expression, name: string): number[] {
  const values: number[] = [];
  for (let i = 0; i < tokens.length; i++) {
    if (tokens[i]?.kind !== 'name' || tokens[i]?.value.toLowerCase() !== 'const') continue;
    const typed = tokens[i + 2]?.kind === 'name' ? 1 : 0;
    if (tokens[i + 1 + typed]?.value === name && isSign(tokens[i + 2 + typed], '=')) values.push(i + 3 + typed);
  }
  return values;
}

function valuesOfVariable(tokens: Expression, name: string): number[] {
  const values: number[] = [];
  for (let i = 0; i < tokens.length; i++) {
    if (isVariable(tokens[i], name) && isSign(tokens[i + 1], '=') && !isDeclaration(tokens, i)) values.push(i + 2);
  }
  return values;
}

function isPropertyAt(tokens: Expression, i: number, property: string): boolean {
  const name = tokens[i + 2];
  return (
    isVariable(tokens[i], '$this') && isSign(tokens[i + 1], '->') && name?.kind === 'name' && name.value === property
  );
}

const MODIFIERS = new Set(['public', 'protected', 'private', 'var', 'static', 'readonly']);

/** `public`, `var` and the like, with or without a type, before the variable. */
function isDeclaration(tokens: Expression, i: number): boolean {
  for (let back = i - 1; back >= i - 4; back--) {
    const token = tokens[back];
    if (token?.kind === 'name' && MODIFIERS.has(token.value.toLowerCase())) return true;
    if (token?.kind !== 'name' && !isSign(token, '?')) return false;
  }
  return false;
}

function splitAt(expression: Expression, sign: string): Expression[] {
  const parts: Expression[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < expression.length; i++) {
    depth += depthChange(expression[i]);
    if (depth === 0 && isSign(expression[i], sign)) {
      parts.push(expression.slice(start, i));
      start = i + 1;
    }
  }
  return [...parts, expression.slice(start)];
}

/** Without brackets that hold the whole expression. */
function unwrapped(expression: Expression): Expression {
  let inner = expression;
  for (let i = 0; i < MOST_BRACKETS && isWrapped(inner); i++) inner = inner.slice(1, -1);
  return inner;
}

function isWrapped(expression: Expression): boolean {
  if (!isSign(expression[0], '(') || !isSign(expression.at(-1), ')')) return false;
  let depth = 0;
  for (let i = 0; i < expression.length - 1; i++) {
    depth += depthChange(expression[i]);
    if (depth === 0) return false;
  }
  return true;
}

function depthChange(token: PhpToken | undefined): number {
  if (token?.kind !== 'sign') return 0;
  if ('([{'.includes(token.value)) return 1;
  return ')]}'.includes(token.value) ? -1 : 0;
}

function isSign(token: PhpToken | undefined, value: string): boolean {
  return token?.kind === 'sign' && token.value === value;
}

function isVariable(token: PhpToken | undefined, value: string): boolean {
  return token?.kind === 'variable' && token.value === value;
}
