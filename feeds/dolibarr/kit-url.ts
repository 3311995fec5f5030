import type { PhpToken } from './php-source.ts';
import { expressionAt, knownText, valuesOfProperty } from './php-values.ts';

const VALIDATE = '/api/v1/licenses/validate';

/** The repository, or repository/edition, that a module with the client kit hands to the kit; null where it has no kit. */
export function kitRepository(descriptor: PhpToken[]): string | null {
  const at = descriptor.findIndex((token) => token.kind === 'name' && token.value === 'feedgateInit');
  const argument = at === -1 ? undefined : descriptor[at + 2];
  return argument?.kind === 'text' ? argument.value.replace(/^\/+|\/+$/g, '') : null;
}

/** What the kit makes of it for `url_last_version`; null for a file that is not the kit (client/feedgate/__ELEMENT__.php). */
export function kitUrl(kit: PhpToken[], repository: string): string | null {
  const validate = kit.find((token) => token.kind === 'text' && token.value.endsWith(VALIDATE));
  const product = valuesOfProperty(kit, 'feedgateProduct').at(-1);
  if (!validate || product === undefined) return null;
  const organization = knownText(expressionAt(kit, product), kit).text.split('/')[0];
  return `${validate.value.slice(0, -VALIDATE.length)}/${organization}/${repository}/dolibarr.txt?key=*`;
}
