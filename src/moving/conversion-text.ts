import type { SurveyedProduct } from '../updates/survey.ts';

/** The one sentence that decides. */
export function verdictOf({ rows, unreachable }: SurveyedProduct): string {
  if (unreachable !== null) return `Cannot be reached: ${unreachable}.`;
  const offered = [...new Set(rows.flatMap(({ after }) => after ?? []))];
  const before = rows.filter((row) => row.before !== null);
  if (rows.length === 0) return 'Nothing can be said of it.';
  if (offered.length === 0)
    return before.length === 0
      ? 'Nothing is offered so far, and nothing is known that could be.'
      : 'What sites are offered is not known to the plan after the conversion.';
  if (before.length === 0) return `Never offered so far; after conversion sites see ${offered.join(' or ')}.`;
  const lost = rows.filter((row) => row.before !== null && row.after === null).map(({ client }) => client);
  if (lost.length > 0) return `Offered so far, and lost on ${lost.join(', ')}: look why.`;
  const changed = rows.some((row) => row.before !== row.after);
  return changed
    ? `After conversion sites see ${offered.join(' or ')}.`
    : `Sites see what they see now: ${offered.join(' or ')}.`;
}

/** For a terminal. */
export function planText(products: readonly SurveyedProduct[]): string {
  if (products.length === 0) return 'Nothing was found that could be moved.';
  return products.map((product) => productLines(product).join('\n')).join('\n\n');
}

function productLines(product: SurveyedProduct): string[] {
  const width = Math.max(...product.rows.map(({ client }) => client.length), 6);
  const cell = (version: string | null) => version ?? 'nothing';
  const beforeWidth = Math.max(...product.rows.map(({ before }) => cell(before).length), 6);
  return [
    `${product.title} (${product.from.join(', ')})`,
    `  ${verdictOf(product)}`,
    ...(product.rows.length > 0 ? [`  ${''.padEnd(width)}  ${'before'.padEnd(beforeWidth)}  after`] : []),
    ...product.rows.map(
      ({ client, before, after }) => `  ${client.padEnd(width)}  ${cell(before).padEnd(beforeWidth)}  ${cell(after)}`,
    ),
    ...product.faults.map((fault) => `  wrong: ${fault}`),
    ...product.remarks.map((remark) => `  ${remark}`),
  ];
}

/** The same as Markdown, with the reason of each line. */
export function planMarkdown(products: readonly SurveyedProduct[]): string {
  const lines = ['# Moving update servers here', ''];
  for (const product of products) {
    lines.push(
      `## ${product.title}`,
      '',
      `From ${product.from.map((from) => `\`${from}\``).join(', ')}.`,
      '',
      `**${verdictOf(product)}**`,
      '',
    );
    if (product.rows.length > 0) {
      lines.push('| client | before | after | why |', '|---|---|---|---|');
      for (const { client, before, after, words } of product.rows)
        lines.push(`| ${client} | ${before ?? 'nothing'} | ${after ?? 'nothing'} | ${words.replaceAll('|', '\\|')} |`);
      lines.push('');
    }
    if (product.faults.length > 0)
      lines.push('What is wrong now:', '', ...product.faults.map((fault) => `- ${fault}`), '');
    if (product.remarks.length > 0) lines.push(...product.remarks.map((remark) => `- ${remark}`), '');
  }
  const unreachable = products.filter((product) => product.unreachable !== null);
  if (unreachable.length > 0)
    lines.push(
      '## Who has to be written to',
      '',
      ...unreachable.map(({ title, unreachable: why }) => `- ${title}: ${why}.`),
      '',
    );
  return `${lines.join('\n').trimEnd()}\n`;
}
