/** What a mail is made of, whatever the form that it is read in. */
export type MailBlock =
  | { kind: 'text'; text: string }
  | { kind: 'soft'; text: string }
  | { kind: 'keys'; heading: string; keys: readonly string[] }
  | { kind: 'steps'; heading: string; steps: readonly string[] }
  | { kind: 'table'; rows: readonly (readonly [string, string])[] }
  | { kind: 'link'; label: string; url: string }
  | { kind: 'rule' };

export function textOf(blocks: readonly MailBlock[]): string {
  return `${blocks.map(plain).join('\n\n')}\n`;
}

function plain(block: MailBlock): string {
  switch (block.kind) {
    case 'text':
    case 'soft':
      return block.text;
    // A key alone on its line is what a double click takes.
    case 'keys':
      return [block.heading, '', ...block.keys].join('\n');
    case 'steps':
      return [block.heading, ...block.steps.map((step) => `- ${step}`)].join('\n');
    case 'table':
      return block.rows.map(([label, value]) => `${label}: ${value}`).join('\n');
    case 'link':
      return `${block.label}:\n${block.url}`;
    case 'rule':
      return '--';
  }
}

const SIGNS: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Breaks of lines stay breaks. */
function safe(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => SIGNS[sign] ?? sign).replaceAll(/\r?\n/g, '<br>');
}

/** Nothing is loaded from anywhere: no picture, no font, no script, so nobody is told that a mail was opened. */
export function htmlOf(blocks: readonly MailBlock[], language: string): string {
  return `<!doctype html>
<html lang="${language}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body style="margin:0;padding:16px;font:16px/1.5 sans-serif">
<div style="max-width:600px">
${blocks.map(marked).join('\n')}
</div>
</body>
</html>
`;
}

function marked(block: MailBlock): string {
  switch (block.kind) {
    case 'text':
      return `<p>${safe(block.text)}</p>`;
    case 'soft':
      return `<p style="margin:4px 0;font-size:14px">${safe(block.text)}</p>`;
    case 'keys':
      return `<p>${safe(block.heading)}</p>\n${block.keys.map(keyMarked).join('\n')}`;
    case 'steps':
      return `<p><b>${safe(block.heading)}</b></p>\n<ul>${block.steps.map((step) => `<li>${safe(step)}</li>`).join('')}</ul>`;
    case 'table':
      return `<table style="border-collapse:collapse">${block.rows.map(rowMarked).join('')}</table>`;
    case 'link':
      return `<p>${safe(block.label)}:<br><a href="${safe(block.url)}">${safe(block.url)}</a></p>`;
    case 'rule':
      return '<hr>';
  }
}

function keyMarked(key: string): string {
  return `<p style="font:18px/1.5 monospace;overflow-wrap:anywhere"><b>${safe(key)}</b></p>`;
}

function rowMarked([label, value]: readonly [string, string]): string {
  return `<tr><th style="padding:2px 16px 2px 0;text-align:left;vertical-align:top;font-weight:normal">${safe(label)}:</th><td style="padding:2px 0">${safe(value)}</td></tr>`;
}
