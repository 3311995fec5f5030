import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { apiRoutes } from '../../src/api-routes.ts';
import { packageRoot } from '../../src/package-root.ts';
import { gateways } from '../../src/payments/registry.ts';
import { makeTeller } from '../support/api-examples.ts';
import { startApi } from '../support/api-server.ts';
import { setScene, tellStory } from '../support/api-story.ts';
import { storyGateways } from '../support/api-story-selling.ts';
import { onEachDatabase } from '../support/databases.ts';

const FILE = join(packageRoot, 'src/api-examples.json');

/** `npm run examples` writes them anew, for a change that was meant. */
const isWriting = process.env['WRITE_EXAMPLES'] === '1';

onEachDatabase('the examples of the OpenAPI document', (database) => {
  it('are what the API answers, one for each operation', async () => {
    const api = await startApi(database(), { gateways: { ...gateways, ...storyGateways() } });
    const routes = apiRoutes(api.core);
    const scene = await setScene(database().db);
    const teller = makeTeller(api, routes, scene.addresses);
    try {
      await tellStory(teller, scene);
    } finally {
      await scene.close();
      await api.close();
    }
    const examples = teller.examples();
    const names = routes.map(({ operationId }) => operationId).filter((id) => id !== 'getOpenapi');
    expect(names.filter((id) => examples[id] === undefined)).toEqual([]);
    const text = `${JSON.stringify(examples, null, 2)}\n`;
    if (isWriting) writeFileSync(FILE, text);
    expect(text).toBe(readFileSync(FILE, 'utf8'));
    // A whole life, one call after another.
  }, 120_000);
});
