import { describe, expect, it } from 'vitest';
import { readDescriptor } from './descriptor.ts';
import { archiveOf, fixture } from './fixtures/test-sample.ts';
import { asksOneOf } from './update-url.ts';

const KIT = fixture('../client/feedgate/__ELEMENT__.php')
  .replaceAll('__SERVER_URL__', 'https://gate.example.org/updates')
  .replaceAll('__ORG_SLUG__', 'acme')
  .replaceAll('__ORG_NAME__', 'Acme')
  .replaceAll('__IDENT__', 'acme');

const DESCRIPTOR = `<?php
require_once __DIR__.'/../../feedgate/acme.php';
class modExample extends DolibarrModules
{
	use FeedgateUpdate_acme;
	public function __construct($db)
	{
		$this->version = '1.0.0';
		$this->feedgateInit('example/pro', 'EXAMPLE_KEY');
	}
}`;

async function urlOf(contents: Record<string, string>): Promise<string | null> {
  const result = await readDescriptor(archiveOf(contents), null);
  if (!result.ok || result.facts.platform !== 'dolibarr') throw new Error('not read');
  return result.facts.urlLastVersion;
}

describe('a module with the client kit', () => {
  it('asks the address that the kit makes', async () => {
    const url = await urlOf({
      'example/core/modules/modExample.class.php': DESCRIPTOR,
      'example/feedgate/acme_setup.php': '<?php',
      'example/feedgate/acme.php': KIT,
    });
    expect(url).toBe('https://gate.example.org/updates/acme/example/pro/dolibarr.txt?key=*');
    expect(asksOneOf(url ?? '', ['https://gate.example.org/updates/acme/example/pro/dolibarr.txt'])).toBe(true);
  });

  it.each([
    ['that forgot the kit', DESCRIPTOR, {}],
    ['whose kit is something else', DESCRIPTOR, { 'example/feedgate/acme.php': '<?php echo 1;' }],
    ['whose kit is broken', DESCRIPTOR, { 'example/feedgate/acme.php': "<?php '" }],
    [
      'whose call is a comment',
      DESCRIPTOR.replace('$this->feedgateInit', '// $'),
      { 'example/feedgate/acme.php': KIT },
    ],
    ['that computes the repository', DESCRIPTOR.replace("'example/pro'", '$x'), { 'example/feedgate/acme.php': KIT }],
  ])('has no known address: one %s', async (_, descriptor, more) => {
    expect(await urlOf({ 'example/core/modules/modExample.class.php': descriptor, ...more })).toBeNull();
  });
});
