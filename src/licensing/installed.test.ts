import { describe, expect, it } from 'vitest';
import { type InstallationRecord, isInstallation, type Sign, takeSigns } from './installed.ts';

function sign(change: Partial<Sign> = {}): Sign {
  return {
    ...{ productId: 'prd_1', keyId: 'key_1', licenseId: 'lic_1', site: 'one.example', kind: 'updates.xml' },
    ...{ version: '', platformVersion: '', refused: false, at: '2026-01-01T12:00:00.000Z' },
    ...change,
  };
}

const known = (...signs: Sign[]): InstallationRecord => takeSigns(undefined, signs).installation;
const versionOf = ({ version, versionFrom }: InstallationRecord) => [version, versionFrom];

describe('the version of an installation', () => {
  it('is what its client says', () => {
    expect(versionOf(known(sign({ version: '1.2.0' })))).toEqual(['1.2.0', 'reported']);
    expect(versionOf(known(sign({ version: '1.2.0' }), sign({ version: '1.3.0' })))).toEqual(['1.3.0', 'reported']);
  });

  it('is what it fetched last, where its client never says', () => {
    const first = sign({ kind: 'download', version: '1.2.0' });
    expect(versionOf(known(first))).toEqual(['1.2.0', 'downloaded']);
    expect(versionOf(known(first, sign({ kind: 'download', version: '1.3.0' })))).toEqual(['1.3.0', 'downloaded']);
    expect(versionOf(known(first, sign()))).toEqual(['1.2.0', 'downloaded']);
  });

  it('is not what was refused, nor what a client fetched that says something else', () => {
    expect(versionOf(known(sign({ kind: 'download', version: '1.2.0', refused: true })))).toEqual(['', '']);
    const said = sign({ version: '1.2.0' });
    expect(versionOf(known(said, sign({ kind: 'download', version: '1.3.0' })))).toEqual(['1.2.0', 'reported']);
  });

  it('does not go back by a sign that comes late', () => {
    const late = sign({ version: '1.2.0', platformVersion: 'joomla/4.4.0', at: '2025-12-31T12:00:00.000Z' });
    const after = known(sign({ version: '1.3.0', platformVersion: 'joomla/5.0.0' }), late);
    expect(after).toMatchObject({ version: '1.3.0', platformVersion: 'joomla/5.0.0', firstSeenAt: late.at });
    expect(after.lastSeenAt).toBe('2026-01-01T12:00:00.000Z');
  });
});

describe('an installation', () => {
  const days = (signs: Sign[], before?: InstallationRecord) =>
    takeSigns(before, signs).counts.map(({ day, version, isFirst }) => [day, version, isFirst]);

  it('counts once a day', () => {
    const at = '2026-01-02T01:00:00.000Z';
    expect(days([sign(), sign(), sign({ at }), sign({ at })])).toEqual([
      ['2026-01-01', '', true],
      ['2026-01-02', '', true],
    ]);
    expect(days([sign()], known(sign()))).toEqual([]);
  });

  it('counts under what is known of it, and once more under what it changes to', () => {
    const before = known(sign({ version: '1.2.0' }));
    const at = '2026-01-02T01:00:00.000Z';
    expect(days([sign({ at }), sign({ at, version: '1.3.0' }), sign({ at, version: '1.3.0' })], before)).toEqual([
      ['2026-01-02', '1.2.0', true],
      ['2026-01-02', '1.3.0', false],
    ]);
  });

  it('does not count for a day that is over', () => {
    expect(days([sign({ at: '2025-12-30T01:00:00.000Z', version: '9' })], known(sign()))).toEqual([]);
  });

  it('is known by a key or by a site', () => {
    expect([isInstallation(sign()), isInstallation(sign({ site: '' })), isInstallation(sign({ keyId: '' }))]).toEqual([
      ...[true, true, true],
    ]);
    expect(isInstallation({ keyId: '', site: '' })).toBe(false);
  });
});
