import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseReleaseSettings } from './release-settings.ts';

const NOTHING = {
  channel: null,
  security: null,
  changelog: null,
  phpMinimum: null,
  platforms: {
    joomla: { target: null, assets: [], hint: null },
    dolibarr: { target: null, assets: [], hint: null },
  },
};

function parse(text: string) {
  return parseReleaseSettings(Buffer.from(text));
}

function detailOf(text: string): string {
  const result = parse(text);
  return result.ok ? '(ok)' : result.detail;
}

describe('parseReleaseSettings', () => {
  it('reads everything that can be said', () => {
    const text = [
      '# how this release is delivered',
      'channel: lts',
      'security: true',
      'changelog: docs/CHANGELOG.md',
      'php: 8.10',
      'joomla:',
      '  target: 4.4 - 5.10',
      '  asset: "*-pro.zip"',
      '  element: com_example',
      'dolibarr:',
      '  target: { min: 18, max: 22.0 }',
      '  asset: [ "module_*.zip", "example-{version}.zip" ]',
      '  module: example',
    ].join('\n');
    expect(parse(text)).toEqual({
      ok: true,
      settings: {
        channel: 'lts',
        security: true,
        changelog: 'docs/CHANGELOG.md',
        phpMinimum: '8.10',
        platforms: {
          joomla: { target: { min: '4.4', max: '5.10' }, assets: ['*-pro.zip'], hint: 'com_example' },
          dolibarr: {
            target: { min: '18', max: '22.0' },
            assets: ['module_*.zip', 'example-{version}.zip'],
            hint: 'example',
          },
        },
      },
    });
  });

  it.each(['', '\n', '# only a comment\n', '---\n', '{}', '\uFEFF', 'joomla: {}'])(
    'takes %j as nothing said',
    (text) => {
      expect(parse(text)).toEqual({ ok: true, settings: NOTHING });
    },
  );

  it.each([
    ['target: { min: 18 }', { min: '18', max: null }],
    ['target: ">=18"', { min: '18', max: null }],
    ['target: 5.10', { min: '5.10', max: '5.10' }],
  ])('reads the range %j', (line, target) => {
    expect(parse(`dolibarr:\n  ${line}`)).toMatchObject({
      ok: true,
      settings: { platforms: { dolibarr: { target } } },
    });
  });

  it('reads security: false as said', () => {
    expect(parse('security: false')).toMatchObject({ ok: true, settings: { security: false } });
  });

  it.each([
    ['chanel: beta', '"chanel"'],
    ['joomla:\n  elemnt: com_x', '"joomla.elemnt" is unknown; there are target, asset, element'],
    ['dolibarr:\n  element: x', '"dolibarr.element" is unknown; there are target, asset, module'],
    ['wordpress: {}', 'there are channel, security, changelog, php, joomla, dolibarr'],
    ['__proto__:\n  x: y', '"__proto__"'],
    ['security: yes', 'security: write true or false'],
    ['security:', 'security: write true or false'],
    ['channel: Beta', 'channel:'],
    ['channel: [beta]', 'channel:'],
    ['php: eight', 'php: the lowest PHP version'],
    ['php: 8.1.2.3', 'php:'],
    ['changelog: ../CHANGELOG.md', 'changelog: a path inside'],
    ['changelog: /etc/passwd', 'changelog: a path inside'],
    ['changelog: a\\b', 'changelog: a path inside'],
    ['changelog: https://example.com/log', 'changelog: a path inside'],
    ['changelog: ""', 'changelog: a path inside'],
    ['joomla:\n  target: 6 - 5', 'joomla.target: the range ends (5) before'],
    ['joomla:\n  target: soon', 'joomla.target: this is no range'],
    ['joomla:\n  target: { from: 5 }', 'joomla.target:'],
    ['joomla:\n  asset: []', 'joomla.asset: a pattern'],
    ['joomla:\n  asset: "a b"', 'joomla.asset: a pattern'],
    ['joomla:\n  asset: { x: y }', 'joomla.asset: a pattern'],
    ['joomla:\n  element: "com x"', 'joomla.element: letters'],
    ['joomla: com_x', 'joomla:'],
    ['just text', 'must hold keys'],
    ['- a\n- b', 'must hold keys'],
    ['channel: beta\nchannel: rc', 'not valid YAML'],
    ['channel: "beta', 'not valid YAML'],
    ['a: 1\n---\nb: 2', 'not valid YAML'],
    ['? [a, b]\n: c', 'not valid YAML'],
    ['channel: &a beta\nphp: *a', 'aliases'],
    ['channel: !!js/function x', 'Unresolved tag'],
  ])('refuses %j in words: %j', (text, words) => {
    expect(detailOf(text)).toContain(words);
    expect(detailOf(text)).not.toContain('\n');
  });

  it('refuses an alias bomb before it unfolds', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 30; i++)
      lines.push(
        `a${i}: &a${i} [${Array(9)
          .fill(`*a${i - 1}`)
          .join(', ')}]`,
      );
    expect(detailOf(lines.join('\n'))).toContain('aliases');
  });

  it('refuses what is too large, too deep or no text', () => {
    expect(detailOf(`# ${'x'.repeat(16_384)}`)).toContain('larger than 16 kB');
    expect(detailOf('['.repeat(16_000))).not.toBe('(ok)');
    expect(detailOf(`channel: ${'['.repeat(7000)}${']'.repeat(7000)}`)).not.toBe('(ok)');
    expect(parseReleaseSettings(Uint8Array.of(0xff, 0xfe, 0x61))).toEqual({
      ok: false,
      detail: 'it is not UTF-8 text',
    });
  });

  it('never throws', () => {
    const piece = fc.constantFrom(
      ...[
        'channel',
        'joomla',
        'target',
        'asset',
        ':',
        ' ',
        '\n',
        '  ',
        '- ',
        '{',
        '}',
        '[',
        ']',
        '"',
        '&a',
        '*a',
        '!',
        '|',
        '>',
        '5',
      ],
    );
    const yamlish = fc.array(piece, { maxLength: 30 }).map((pieces) => Buffer.from(pieces.join('')));
    fc.assert(
      fc.property(fc.oneof(yamlish, fc.uint8Array()), (bytes) => {
        const result = parseReleaseSettings(bytes);
        expect(result.ok || result.detail.length > 0).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});
