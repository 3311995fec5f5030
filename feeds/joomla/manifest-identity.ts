import type { JoomlaFacts } from '../../src/releases/release.ts';
import { childOf, childText, type XmlElement } from '../../src/releases/safe-xml.ts';

const TYPES = ['component', 'module', 'plugin', 'template', 'package', 'library', 'file', 'language'] as const;

/** `placeholder`: the value was to be filled in by a build; `unfit`: Joomla could not store or find it. */
export type Identity =
  | { ok: true; type: JoomlaFacts['type']; element: string; folder: string; client: JoomlaFacts['client'] }
  | { ok: false; reason: 'placeholder' | 'unfit'; detail: string };

export const ELEMENT_LIMIT = 100;
export const FOLDER_LIMIT = 20;

export function typeOf(manifest: XmlElement): JoomlaFacts['type'] | undefined {
  return TYPES.find((type) => type === manifest.attributes['type']);
}

/**
 * Element, folder and client as Joomla's installer derives them from a manifest (reference: libraries/src/Installer/Adapter
 * of joomla-cms, 5.3): only a component and a template are cleaned and put into lower case, the others are stored as written.
 * Sizes are those of the columns of `#__extensions`.
 */
export function identityOf(manifest: XmlElement, manifestPath: string): Identity {
  const type = typeOf(manifest);
  if (!type)
    return unfit(`The manifest names the type "${manifest.attributes['type'] ?? ''}", which Joomla does not know.`);
  const element = elementOf(type, manifest, manifestPath);
  const folder = type === 'plugin' ? (manifest.attributes['group'] ?? '') : '';
  const holder = [element, folder].find(isPlaceholder);
  if (holder !== undefined) {
    return { ok: false, reason: 'placeholder', detail: `The manifest still holds the placeholder ${holder}.` };
  }
  if (element === '') return unfit(WITHOUT_ELEMENT[type]);
  if (type === 'plugin' && folder === '') return unfit('The plugin\'s manifest has no attribute "group".');
  const client = clientOf(type, manifest);
  if (!client) {
    return unfit(
      `The manifest names the client "${manifest.attributes['client'] ?? ''}"; a ${type} is for site or administrator.`,
    );
  }
  const badSize = sizeFault('element', element, ELEMENT_LIMIT) ?? sizeFault('group', folder, FOLDER_LIMIT);
  if (badSize) return unfit(badSize);
  return { ok: true, type, element, folder, client };
}

/** A value that a build script should have filled in: `##VERSION##`, `@version@`, `{{version}}`, `${version}`, `__DEPLOY_VERSION__`. */
export function isPlaceholder(value: string): boolean {
  return /##\w+##|@\w+@|%\w+%|\{\{.*\}\}|\$\{.*\}|__[A-Z_]+__/.test(value);
}

const WITHOUT_ELEMENT: Record<JoomlaFacts['type'], string> = {
  component: 'The manifest has neither <element> nor <name>, so the component has no name.',
  module: 'The manifest has neither <element> nor a file with the attribute "module", so the module has no name.',
  plugin: 'No file or folder in <files> has the attribute "plugin", so the plugin has no name.',
  template: 'The manifest has neither <element> nor <name>, so the template has no name.',
  package: 'The manifest has no <packagename>, so the package has no name.',
  library: 'The manifest has no <libraryname>, so the library has no name.',
  file: 'The manifest has no file name, so the extension has no name.',
  language: 'The manifest has no <tag>, so the language has no name.',
};

function elementOf(type: JoomlaFacts['type'], manifest: XmlElement, manifestPath: string): string {
  switch (type) {
    case 'component': {
      const element = commonElement(manifest);
      return element === '' || element.startsWith('com_') ? element : `com_${element}`;
    }
    case 'template':
      return commonElement(manifest);
    case 'module':
      return childText(manifest, 'element') || fileAttribute(manifest, 'module').toLowerCase();
    case 'plugin':
      return fileAttribute(manifest, 'plugin');
    case 'package': {
      const name = childText(manifest, 'packagename');
      if (isPlaceholder(name)) return name;
      return cleaned(name) === '' ? '' : `pkg_${cleaned(name)}`;
    }
    case 'library':
      return childText(manifest, 'libraryname');
    case 'file':
      return manifestPath.slice(manifestPath.lastIndexOf('/') + 1).replaceAll('.xml', '');
    case 'language':
      return childText(manifest, 'tag');
  }
}

function commonElement(manifest: XmlElement): string {
  const source = childText(manifest, 'element') || childText(manifest, 'name').replace(/<[^>]*>/g, '');
  return isPlaceholder(source) ? source : cleaned(source).toLowerCase();
}

/** Joomla's input filter `cmd`. */
function cleaned(text: string): string {
  return text.replace(/[^A-Za-z0-9_.-]/g, '').replace(/^\.+/, '');
}

function fileAttribute(manifest: XmlElement, name: string): string {
  const children = childOf(manifest, 'files')?.children ?? [];
  return children.map((child) => child.attributes[name] ?? '').find((value) => value !== '') ?? '';
}

function clientOf(type: JoomlaFacts['type'], manifest: XmlElement): JoomlaFacts['client'] | undefined {
  if (type === 'component') return 'administrator';
  if (type !== 'module' && type !== 'template' && type !== 'language') return 'site';
  const named = (manifest.attributes['client'] || 'site').toLowerCase();
  return named === 'site' || named === 'administrator' ? named : undefined;
}

function sizeFault(what: string, value: string, limit: number): string | null {
  if (value.length > limit)
    return `The ${what} "${value.slice(0, 40)}…" has ${value.length} characters, Joomla stores ${limit}.`;
  if (!/^[A-Za-z0-9_./-]*$/.test(value))
    return `The ${what} "${value.slice(0, 40)}" holds characters other than letters, digits, "_", "-", "." and "/".`;
  return null;
}

function unfit(detail: string): Identity {
  return { ok: false, reason: 'unfit', detail };
}
