import { spawn } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** The whole tree of a tag: path to content. */
type Files = Record<string, string>;

interface DemoTag {
  name: string;
  files: Files;
  message: string;
}

/** The two sample extensions of the demo, as a vendor would keep them; every manifest names the feed that it belongs to. */
export interface DemoRepository {
  name: string;
  tags: DemoTag[];
  /** What the tag 1.1.0 is moved to after it was ingested once. */
  moved: DemoTag;
}

const VERSIONS = ['1.0.0', '1.1.0', '1.2.0-rc.1', '1.3.0-beta.1'];

const NOTES: Record<string, string> = {
  '1.0.0': 'First release',
  '1.1.0': 'Added:\n- Says hello in two languages\n\nFixed:\n- The greeting of the night',
  '1.2.0-rc.1': 'Changed:\n- Ready for the newest version',
  '1.3.0-beta.1': 'Added:\n- Greets by name',
  '0.9.0': 'A first try, under another name',
};

export function demoRepositories(
  publicUrl: string,
  organization: string,
): { joomla: DemoRepository; dolibarr: DemoRepository } {
  const joomla = (version: string, element = 'hello', note = '') =>
    joomlaFiles(`${publicUrl}/${organization}/hello/updates.xml`, version, element, note);
  const dolibarr = (version: string, module = 'Hellobox', note = '') =>
    dolibarrFiles(`${publicUrl}/${organization}/hellobox/dolibarr.txt`, version, module, note);
  const tag = (name: string, files: Files): DemoTag => ({ name, files, message: NOTES[name] ?? name });
  return {
    joomla: {
      name: 'hello',
      tags: [...VERSIONS.map((version) => tag(version, joomla(version))), tag('0.9.0', joomla('0.9.0', 'helo'))],
      moved: tag('1.1.0', joomla('1.1.0', 'hello', 'Good night is right now.')),
    },
    dolibarr: {
      name: 'hellobox',
      tags: [...VERSIONS.map((version) => tag(version, dolibarr(version))), tag('0.9.0', dolibarr('0.9.0', 'Helobox'))],
      moved: tag('1.1.0', dolibarr('1.1.0', 'Hellobox', 'Good night is right now.')),
    },
  };
}

function joomlaFiles(feed: string, version: string, element: string, note: string): Files {
  return {
    '.feedgate.yml': 'joomla:\n  target: "4.4 - 6"\n',
    [`${element}.xml`]: `<?xml version="1.0" encoding="utf-8"?>
<extension type="plugin" group="system" method="upgrade">
  <name>Hello</name>
  <author>Acme</author>
  <creationDate>2026-01</creationDate>
  <version>${version}</version>
  <license>GPL-2.0-or-later</license>
  <description>Says hello.</description>
  <files>
    <filename plugin="${element}">${element}.php</filename>
  </files>
  <updateservers>
    <server type="extension" name="Hello">${feed}</server>
  </updateservers>
  <dlid prefix="dlid=" suffix=""/>
</extension>
`,
    [`${element}.php`]: `<?php\n// Hello ${version}. ${note}\ndefined('_JEXEC') or die;\n`,
  };
}

function dolibarrFiles(feed: string, version: string, module: string, note: string): Files {
  return {
    [`core/modules/mod${module}.class.php`]: `<?php
// Hello in a box. ${note}
include_once DOL_DOCUMENT_ROOT.'/core/modules/DolibarrModules.class.php';

class mod${module} extends DolibarrModules
{
	public function __construct($db)
	{
		$this->db = $db;
		$this->numero = 436120;
		$this->rights_class = '${module.toLowerCase()}';
		$this->family = 'other';
		$this->name = preg_replace('/^mod/i', '', get_class($this));
		$this->description = 'Says hello.';
		$this->editor_name = 'Acme';
		$this->version = '${version}';
		$this->need_dolibarr_version = array(18, 0);
		$this->phpmin = array(7, 4);
		$this->url_last_version = '${feed}?key='.getDolGlobalString('${module.toUpperCase()}_KEY');
	}
}
`,
  };
}

/** Makes the repository afresh as a bare one, by one `git fast-import`. */
export async function makeRepository(folder: string, repository: Pick<DemoRepository, 'name' | 'tags'>): Promise<void> {
  const path = join(folder, `${repository.name}.git`);
  await rm(path, { recursive: true, force: true });
  await mkdir(path, { recursive: true });
  await git(['init', '--quiet', '--bare', '--template=', '--initial-branch=main', path], '');
  await importTags(path, repository.tags);
}

export async function moveTag(folder: string, repository: DemoRepository): Promise<void> {
  await importTags(join(folder, `${repository.name}.git`), [repository.moved]);
}

async function importTags(path: string, tags: readonly DemoTag[]): Promise<void> {
  await git(
    [`--git-dir=${path}`, 'fast-import', '--quiet', '--force', '--date-format=now'],
    tags.map(importOf).join(''),
  );
}

function importOf({ name, files, message }: DemoTag): string {
  const who = 'Acme <hello@acme.example> now';
  const changes = Object.entries(files).map(([path, content]) => `M 100644 inline ${path}\n${data(content)}`);
  const branch = `refs/heads/tag-${name}`;
  return `commit ${branch}\ncommitter ${who}\n${data(`Release ${name}`)}deleteall\n${changes.join('')}\ntag ${name}\nfrom ${branch}\ntagger ${who}\n${data(message)}`;
}

function data(text: string): string {
  return `data ${Buffer.byteLength(text)}\n${text}\n`;
}

function git(args: string[], input: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('git', args, { stdio: ['pipe', 'ignore', 'pipe'] });
    let trouble = '';
    child.stderr.on('data', (chunk: Buffer) => {
      trouble += chunk.toString();
    });
    child.once('error', () => reject(new Error('git is not installed; the demo needs it')));
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`git: ${trouble.trim()}`))));
    // git may end before it has read everything; what it said then is in `close`.
    child.stdin.once('error', () => undefined);
    child.stdin.end(input);
  });
}
