import { createHash } from 'node:crypto';

/** The plain page around everything that people see: one style, no script, readable without either. */

const SIGNS: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => SIGNS[sign] ?? sign);
}

const STYLE = `
:root { color-scheme: light dark; --ink: #1f2328; --soft: #59636e; --line: #d1d9e0; --ground: #f6f8fa; --sheet: #fff; --link: #0757ba; --button: #0757ba; --label: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ed; --soft: #a2abb5; --line: #3a424c; --ground: #14181d; --sheet: #1c2128; --link: #79b8ff; --button: #79b8ff; --label: #10151b; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 1rem/1.6 system-ui, sans-serif; overflow-wrap: break-word; }
main { max-width: 46rem; margin: 2rem auto; padding: 1rem 2rem 2rem; background: var(--sheet); border: 1px solid var(--line); border-radius: .6rem; }
h1 { margin: .5rem 0 0; font-size: 1.9rem; line-height: 1.25; }
h2 { margin: 2.2rem 0 .6rem; padding-top: 1.4rem; border-top: 1px solid var(--line); font-size: 1.25rem; }
h3 { margin: 1.4rem 0 .3rem; font-size: 1.05rem; }
a { color: var(--link); }
.by, .soft { color: var(--soft); } .by { margin: 0 0 1rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th { color: var(--soft); font-weight: 600; font-size: .875rem; }
th, td { padding: .5rem 1rem .5rem 0; border-bottom: 1px solid var(--line); text-align: left; white-space: nowrap; }
th:last-child, td:last-child { padding-right: 0; text-align: right; }
tbody tr:last-child > * { border-bottom: 0; }
tbody th { color: var(--ink); font-size: 1rem; font-weight: 400; white-space: normal; }
.tag { padding: .1rem .6rem; border: 1px solid var(--line); border-radius: 1rem; font-size: .875rem; }
.button { display: inline-block; padding: .35rem .9rem; border-radius: .4rem; background: var(--button); color: var(--label); font-weight: 600; text-decoration: none; }
.button:hover { text-decoration: underline; } button.button { border: 0; font: inherit; font-weight: 600; cursor: pointer; }
button.plain { padding: .35rem .2rem; border: 0; background: none; color: var(--link); font: inherit; text-decoration: underline; cursor: pointer; }
ul { margin: .3rem 0; padding: 0; list-style: none; } li { display: flex; gap: .8rem; padding: .15rem 0; }
.word { flex: none; width: 5.5rem; color: var(--soft); }
dl { margin: 1rem 0 0; } dt { color: var(--soft); font-size: .875rem; } dd { margin: 0 0 .6rem; }
label { display: block; margin: .9rem 0 .2rem; font-weight: 600; } label.check { display: flex; align-items: flex-start; gap: .6rem; font-weight: 400; } label.check input { flex: none; margin-top: .35rem; }
input:not([type=checkbox]) { width: 100%; max-width: 26rem; padding: .4rem .6rem; border: 1px solid var(--soft); border-radius: .4rem; background: var(--sheet); color: var(--ink); font: inherit; }
input.key { max-width: none; font-family: ui-monospace, monospace; }
.note { margin: 1rem 0; padding: .6rem 1rem; border: 1px solid var(--line); border-left-width: .3rem; border-radius: .4rem; }
.row { display: flex; flex-wrap: wrap; gap: .6rem; margin: .6rem 0; }
code { font: .9em/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
@media (max-width: 40rem) {
  main { margin: 0; padding: .5rem 1rem 1.5rem; border-width: 0 0 1px; border-radius: 0; }
  input.key { padding: .4rem; font-size: .85rem; } th, td { padding-right: .7rem; } td:last-child { white-space: normal; } li { display: block; } .word { display: block; width: auto; font-size: .875rem; }
}
`;

/** What a Content-Security-Policy allows of styles: this one text. */
export const STYLE_HASH = `sha256-${createHash('sha256').update(STYLE).digest('base64')}`;

interface Head {
  /** It loads itself again, or goes on to `goTo`. */
  refreshSeconds?: number;
  goTo?: string;
  /** English, where nothing is said. */
  language?: string;
}

export function page(title: string, body: string, head: Head = {}): string {
  const { refreshSeconds, goTo, language = 'en' } = head;
  const target = goTo === undefined ? '' : `;url=${goTo}`;
  const refresh =
    refreshSeconds === undefined
      ? ''
      : `\n<meta http-equiv="refresh" content="${escapeHtml(`${refreshSeconds}${target}`)}">`;
  return `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">${refresh}
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`;
}
