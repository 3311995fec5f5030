import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { comparePhpVersions } from '../../src/releases/version-order.ts';
import { deployFolder } from './model/deploy-name.ts';
import { offeredName } from './offered-name.ts';

describe('offeredName', () => {
  it.each([
    ['2.0.0', 'module_example-2.0.0.zip'],
    ['v2.0.0', 'module_example-2.0.0.zip'],
    ['2', 'module_example-2.zip'],
    ['02.05.02', 'module_example-2.5.2.zip'],
    ['2.0.0.1', 'module_example-2.0.0.1.zip'],
    ['2.0.0+build.5', 'module_example-2.0.0.zip'],
    ['2.0.0-rc.1', 'module_example-2.0.0.004.1.zip'],
    ['2.0.0RC1', 'module_example-2.0.0.004.1.zip'],
    ['2.0.0-beta', 'module_example-2.0.0.003.zip'],
    ['2.0.0-alpha.2', 'module_example-2.0.0.002.2.zip'],
    ['2.0.0-dev', 'module_example-2.0.0.001.zip'],
    ['2.0.0-pl1', 'module_example-2.0.0.006.1.zip'],
    ['2.0.0-hotfix.1', 'module_example-2.0.0.000.1.zip'],
    ['nothing', 'module_example-0.zip'],
    ['', 'module_example-0.zip'],
  ])('of %s is %s', (version, name) => {
    expect(offeredName('example', version)).toBe(name);
  });

  it('can always be deployed, whatever the version is', () => {
    fc.assert(
      fc.property(fc.string(), (version) => {
        expect(deployFolder(offeredName('foo-rc', version))).toBe('foo-rc');
      }),
    );
  });

  it('is the same for two versions only where Dolibarr takes them for the same', () => {
    const version = fc.stringMatching(/^(0|[1-9]\d?)(\.\d{1,3}){0,4}(-(dev|alpha|beta|rc|pl)(\.\d{1,3})?)?$/);
    fc.assert(
      fc.property(version, version, (a, b) => {
        if (offeredName('x', a) === offeredName('x', b)) expect(comparePhpVersions(a, b)).toBe(0);
      }),
      { numRuns: 5_000 },
    );
  });
});
