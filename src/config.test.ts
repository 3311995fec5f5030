import { describe, expect, it } from 'vitest';
import { readConfig } from './config.ts';

const read = (SITE_ADMINS: string) => readConfig({ PUBLIC_URL: 'https://updates.example.com', SITE_ADMINS });

describe('SITE_ADMINS', () => {
  it.each([
    ['', []],
    ['github.com/ada', ['github.com/ada']],
    ['github.com/ada, git.example.com/id:7\n forge-2/b.c', ['github.com/ada', 'git.example.com/id:7', 'forge-2/b.c']],
  ])('%j names %j', (text, siteAdmins) => {
    expect(read(text)).toMatchObject({ ok: true, config: { siteAdmins } });
  });

  it.each(['ada', '*', '*/ada', 'github.com/', 'github.com/*', 'github.com/id:', 'https://github.com/ada'])(
    'is refused in words for %j',
    (text) => {
      expect(read(text)).toMatchObject({ ok: false, faults: [expect.stringContaining(`SITE_ADMINS "${text}"`)] });
    },
  );
});
