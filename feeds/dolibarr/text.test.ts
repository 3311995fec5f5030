import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { comparePhpVersions } from '../../src/releases/version-order.ts';
import { announcedVersion } from './announced-version.ts';
import { feedInput, fixture, release } from './fixtures/test-sample.ts';
import { textDocument } from './text.ts';

function render(...versions: string[]): string {
  return textDocument.render(feedInput(versions.map((version) => release(version))));
}

describe('dolibarr.txt', () => {
  it('is the golden file', () => {
    expect(render('2.1.0', '2.0.0', '2.2.0-rc.1')).toBe(fixture('dolibarr.txt'));
  });

  it.each([
    [['2.0.0'], '2.0.0\n'],
    [['v2.0.0'], '2.0.0\n'],
    [['V2.0.0'], '2.0.0\n'],
    [['2.0.0+build.5'], '2.0.0\n'],
    [['2.0.0-rc.1'], '2.0.0-rc.1\n'],
    [['02.05.02', '2.5.1'], '02.05.02\n'],
    [['1.9.0', '1.10.0'], '1.10.0\n'],
    [['2.0.0-rc.1', '2.0.0', '2.0.0-dev.9'], '2.0.0\n'],
    [['2.0.0-pl1', '2.0.0'], '2.0.0-pl1\n'],
    [['1'.repeat(28)], `${'1'.repeat(28)}\n`],
    [['1'.repeat(29)], ''],
    [['1'.repeat(29), '1.0.0'], '1.0.0\n'],
    [['Forbidden'], ''],
    [['<html>'], ''],
    [['2.0.0 '], ''],
    [['2.0.0.'], ''],
    [[''], ''],
    [[], ''],
  ])('of %j is %j', (versions, body) => {
    expect(render(...versions)).toBe(body);
  });

  it('names a version whose file is refused: its owner is to hear of it', () => {
    expect(textDocument.render(feedInput([release('3.0.0', { downloadable: false }), release('2.0.0')]))).toBe(
      '3.0.0\n',
    );
  });

  it('is empty for who gets nothing', () => {
    expect(textDocument.empty).toBe('');
    expect(textDocument).toMatchObject({ fileName: 'dolibarr.txt', contentType: 'text/plain; charset=utf-8' });
  });

  it('never holds 30 bytes, and never a version below another that can be told', () => {
    const version = fc.oneof(
      fc.stringMatching(/^v?\d{1,3}(\.\d{1,3}){0,3}(-(dev|alpha|beta|rc)\.?\d{0,2})?$/),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(version, { maxLength: 8 }), (versions) => {
        const body = render(...versions);
        expect(Buffer.byteLength(body)).toBeLessThan(30);
        expect(body === '' || /^\d[\w.-]*\n$/.test(body)).toBe(true);
        for (const one of versions) {
          const told = announcedVersion(one);
          if (told !== null) expect(comparePhpVersions(body.trimEnd(), told)).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });
});
