import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { ZipFile } from 'yazl';
import { zipBytes } from '../../src/releases/zip-bytes-io.ts';

/** Small installable files of both platforms, made in memory, and everything that a vendor can get wrong with one. */

type Contents = Record<string, string | Uint8Array>;

export interface JoomlaWish {
  version: string;
  /** Name of the plugin; its group is `system`. */
  element?: string;
  /** Address of the update server. */
  feed?: string;
  /** Goes into the code, so that the same version has other bytes. */
  note?: string;
}

export function joomlaFiles({ version, element = 'hello', feed = '', note = '' }: JoomlaWish): Record<string, string> {
  const server =
    feed === '' ? '' : `<updateservers><server type="extension" name="Hello">${feed}</server></updateservers>`;
  return {
    [`${element}.xml`]: `<?xml version="1.0" encoding="utf-8"?>
<extension type="plugin" group="system" method="upgrade">
  <name>Hello</name>
  <version>${version}</version>
  <description>Says hello.</description>
  <files><filename plugin="${element}">${element}.php</filename></files>
  ${server}
  <dlid prefix="dlid=" suffix=""/>
</extension>
`,
    [`${element}.php`]: `<?php\n// Hello ${version}. ${note}\ndefined('_JEXEC') or die;\n`,
  };
}

export function joomlaZip(wish: JoomlaWish): Promise<Buffer> {
  return zipOf(joomlaFiles(wish));
}

export interface DolibarrWish {
  version: string;
  module?: string;
  note?: string;
}

export function dolibarrFiles({ version, module = 'Hello', note = '' }: DolibarrWish): Record<string, string> {
  return {
    [`${module.toLowerCase()}/core/modules/mod${module}.class.php`]: `<?php
// ${note}
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
	}
}
`,
  };
}

export function dolibarrZip(wish: DolibarrWish): Promise<Buffer> {
  return zipOf(dolibarrFiles(wish));
}

export function zipOf(files: Contents): Promise<Buffer> {
  return zipBytes(Object.entries(files).map(([path, content]) => ({ path, bytes: Buffer.from(content) })));
}

/** A few kilobytes that unpack to 64 MB. */
export async function zipBomb(): Promise<Buffer> {
  const zip = new ZipFile();
  zip.addBuffer(Buffer.alloc(64 * 2 ** 20), 'zeros.bin', { compress: true });
  zip.end();
  return buffer(zip.outputStream as unknown as NodeJS.ReadableStream);
}

/** Packers refuse such a path, so it is written over another of the same length, wherever the archive names it. */
export async function zipThatClimbsOut(): Promise<Buffer> {
  const bytes = await zipOf({ ...joomlaFiles({ version: '1.0.0' }), 'xx/xx/evil.php': '<?php' });
  for (let at = bytes.indexOf('xx/xx/evil'); at >= 0; at = bytes.indexOf('xx/xx/evil')) bytes.write('../../evil', at);
  return bytes;
}

/** Incompressible, so the archive is at least that large. */
export function largeZip(bytes: number): Promise<Buffer> {
  return zipOf({ ...joomlaFiles({ version: '1.0.0' }), 'data.bin': randomBytes(bytes) });
}

export function zipWithEntities(version: string): Promise<Buffer> {
  const files = joomlaFiles({ version });
  const manifest = files['hello.xml'] ?? '';
  const doctype = '<!DOCTYPE extension [<!ENTITY all SYSTEM "file:///etc/passwd">]>\n<extension ';
  return zipOf({ ...files, 'hello.xml': manifest.replace('<extension ', doctype).replace('Says hello.', '&all;') });
}

/** Says UTF-8 and holds Latin-1. */
export function zipInWrongEncoding(version: string): Promise<Buffer> {
  const files = joomlaFiles({ version });
  const manifest = (files['hello.xml'] ?? '').replace('Says hello.', 'Gr\u00fc\u00dft.');
  return zipOf({ ...files, 'hello.xml': Buffer.from(manifest, 'latin1') });
}
