import { describe, expect, it } from 'vitest';
import { checkForUpdates } from './check.ts';
import { describeOffer } from './describe.ts';
import type { JoomlaSite } from './site.ts';
import { aFeed, anEntry, anExtension, aSite, aWorld, type EntryParts, type Route } from './test-world.ts';

async function says(answer: Route | string, change: Partial<JoomlaSite> = {}): Promise<string> {
  const site = aSite({ joomla: '5.4.1', extensions: [anExtension({ version: '1.2.0' })], ...change });
  return describeOffer(site, await checkForUpdates(site, aWorld({ [site.feedUrl]: answer }).http));
}

function entry(version: string, more: EntryParts = {}): string {
  return anEntry({ version: `<version>${version}</version>`, ...more });
}

const beta: EntryParts = { tags: '<tags><tag>beta</tag></tags>' };
const forSix: EntryParts = { target: '<targetplatform name="joomla" version="6"/>' };

describe('describeOffer', () => {
  it.each([
    ['is offered 1.3.0.', [entry('1.2.0'), entry('1.3.0')]],
    [
      'is offered 1.3.0; 2.0.0 is held back because it needs PHP 9.0 and the site has 8.2.20.',
      [entry('1.3.0'), entry('2.0.0', { more: '<php_minimum>9.0</php_minimum>' })],
    ],
    [
      'is offered nothing: the newest entry it may take is 1.2.0, which is installed; 1.3.0-beta.1 is held back because the site takes stable only.',
      [entry('1.2.0'), entry('1.3.0-beta.1', beta)],
    ],
    ['is offered nothing: the newest entry it may take is 1.1.0, and 1.2.0 is installed.', [entry('1.1.0')]],
    [
      'is offered nothing: the newest entry it may take is 1.3.0, but the site has no component com_example for the client site.',
      [entry('1.3.0', { client: '<client>site</client>' })],
    ],
    ['is offered nothing: 1.3.0 is held back because it is for Joomla 6.', [entry('1.3.0', forSix)]],
    ['is offered nothing: 1.3.0 is held back because it names no target platform.', [entry('1.3.0', { target: '' })]],
    [
      'is offered nothing: 1.3.0 is held back because it does not support the mysql 8.0.36 of the site.',
      [entry('1.3.0', { more: '<supported_databases postgresql="12"/>' })],
    ],
    [
      'is offered nothing: 5.0 is held back because it is for Joomla 6; 4.0 is held back because it is for Joomla 6; 3.0 is held back because it is for Joomla 6; and 1 more.',
      ['2.0', '5.0', '4.0', '3.0'].map((version) => entry(version, forSix)),
    ],
    ['is offered nothing: the feed lists nothing.', []],
  ])('%s', async (sentence, entries) => {
    expect(await says(aFeed(...entries))).toBe(`Joomla 5.4 with 1.2.0 installed ${sentence}`);
  });

  it('tells a feed that is refused, broken or deadly', async () => {
    expect(await says({ status: 403 })).toBe(
      'Joomla 5.4 with 1.2.0 installed is offered nothing and is warned: the feed answered 403.',
    );
    expect(await says('<html><br></html>')).toContain('the feed could not be parsed');
    expect(await says('<a><name>x</name></a>')).toContain(
      'the check dies, because <name> stands before the first <update>',
    );
  });

  it('names the extension that the offer is for, and does without any', async () => {
    const extensions = [anExtension({ element: 'com_other', version: '9.0.0' }), anExtension()];
    expect(await says(aFeed(entry('1.3.0')), { extensions })).toBe('Joomla 5.4 with 1.0.0 installed is offered 1.3.0.');
    expect(await says(aFeed(), { extensions: [] })).toBe('Joomla 5.4 is offered nothing: the feed lists nothing.');
  });
});
