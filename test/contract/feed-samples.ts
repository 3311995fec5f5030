import { fixture as descriptorOf, exampleFacts as dolibarrFacts } from '../../feeds/dolibarr/fixtures/test-sample.ts';
import { deploy } from '../../feeds/dolibarr/model/deploy.ts';
import { exampleFacts as joomlaFacts, fixture as manifestOf } from '../../feeds/joomla/fixtures/example.ts';
import { archiveKind, openPackage, packageFileName } from '../../feeds/joomla/model/package-file.ts';
import type { PackageFacts } from '../../src/releases/release.ts';
import type { FeedFormat } from '../../src/updates/feed-format.ts';

/** What the contract of feed formats needs to know of a platform. */
export interface Sample {
  /** Facts with this text wherever a vendor may write what he likes and no feed is to repeat it. */
  facts(text: string): PackageFacts;
  /** An archive without fault, as a tag's archive holds it: in a folder of its own. */
  contents: Record<string, string>;
  /** Whether the client's own rules take a download of this name with these bytes. */
  takes(fileName: string, zip: Uint8Array): Promise<boolean>;
}

const SAMPLES: Record<string, Sample> = {
  joomla: {
    facts: (text) =>
      joomlaFacts({
        name: text,
        description: text,
        updateServers: [text, `https://updates.example.org/updates.xml?dlid=${text}`],
        dlid: { prefix: text, suffix: text },
        changelogUrl: text,
      }),
    contents: { 'shop-1.2.0/example.xml': manifestOf('manifests/component.xml'), 'shop-1.2.0/admin/x.php': '<?php' },
    async takes(fileName, zip) {
      const kept = packageFileName('https://updates.example.org/', `attachment; filename="${fileName}"`);
      return archiveKind(kept) === 'zip' && (await openPackage(zip)).ok;
    },
  },
  dolibarr: {
    facts: (text) => ({
      ...dolibarrFacts,
      description: text,
      editorName: text,
      editorUrl: text,
      urlLastVersion: `https://gate.example.org/acme/example/dolibarr.txt?key=${text}`,
    }),
    contents: {
      'shop-2.1.0/core/modules/modExample.class.php': descriptorOf('descriptors/modExample.class.php'),
      'shop-2.1.0/admin/setup.php': '<?php',
    },
    takes: async (fileName, zip) => (await deploy(fileName, zip)).ok,
  },
};

export function sampleOf({ platform }: FeedFormat): Sample {
  const sample = SAMPLES[platform];
  if (sample) return sample;
  throw new Error(
    `the feed format "${platform}" has no sample: add a line for it to SAMPLES in test/contract/feed-samples.ts, with facts, an archive without fault, and what its client takes as a download`,
  );
}
