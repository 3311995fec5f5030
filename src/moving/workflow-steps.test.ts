import { describe, expect, it } from 'vitest';
import { isWorkflow, withoutFeedSteps } from './workflow-steps.ts';

const BUILD = `name: release
on:
  push:
    tags: ['v*']   # every version
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - name: Build
        run: ./build.sh
`;
const WRITE = `      # feeds the sites
      - name: Write the feed
        run: |
          VERSION="\${GITHUB_REF_NAME#v}"
          cat > updates.xml <<EOF
          <updates><update><version>$VERSION</version></update></updates>
          EOF
          git config user.name bot
          git add updates.xml
          git commit -m "Update feed" || true
          git push
`;
const AFTER = `      - name: Upload
        uses: softprops/action-gh-release@v2
        with:
          files: dist/*.zip
`;

describe('steps that wrote the feed', () => {
  it('go, and every other line stays', () => {
    expect(withoutFeedSteps(BUILD + WRITE + AFTER, ['updates.xml'])).toEqual({
      text: BUILD + AFTER,
      removed: ['"Write the feed"'],
      unsure: [],
    });
    expect(withoutFeedSteps(BUILD + WRITE, ['updates.xml']).text).toBe(BUILD);
    const windows = (BUILD + WRITE + AFTER).replaceAll('\n', '\r\n');
    expect(withoutFeedSteps(windows, ['updates.xml']).text).toBe((BUILD + AFTER).replaceAll('\n', '\r\n'));
  });

  it.each([
    ['sed -i "s/1.0/$V/" updates.xml', true],
    ['python3 scripts/feed.py --output updates.xml', true],
    ['cp build/feed.xml docs/updates.xml', true],
    ['cat updates.xml', false],
    ['xmllint --noout updates.xml', false],
    ['grep -q "$V" updates.xml', false],
  ])('are known by what they do: %s', (command, goes) => {
    const step = `      - name: Feed\n        run: ${command}\n`;
    expect(withoutFeedSteps(BUILD + step + AFTER, ['updates.xml']).removed).toEqual(goes ? ['"Feed"'] : []);
  });

  it.each([
    [
      'other work in the same step',
      '      - name: All\n        run: |\n          ./deploy.sh\n          echo x > updates.xml\n',
      'does other things as well',
    ],
    [
      'a commit of more files',
      '      - name: All\n        run: |\n          echo x > updates.xml\n          git add updates.xml CHANGELOG.md\n',
      'does other things as well',
    ],
    [
      'an action of somebody',
      '      - uses: acme/joomla-packager@v1\n        with:\n          feed: updates.xml\n',
      'does other things as well',
    ],
    [
      'outputs that are used',
      `      - id: feed\n        run: echo x > updates.xml\n      - run: echo \${{ steps.feed.outputs.v }}\n`,
      'sets outputs',
    ],
  ])('are told and stay where there is %s', (_name, step, words) => {
    const { text, removed, unsure } = withoutFeedSteps(BUILD + step, ['updates.xml']);
    expect({ same: text === BUILD + step, removed }).toEqual({ same: true, removed: [] });
    expect(unsure.join()).toContain(words);
  });

  it('that are all of a job are told, since the job should go', () => {
    const only = `jobs:\n  feed:\n    steps:\n      - uses: actions/checkout@v4\n${WRITE}`;
    expect(withoutFeedSteps(only, ['updates.xml'])).toMatchObject({
      text: only,
      unsure: [expect.stringContaining('delete it')],
    });
  });

  it('are not looked for in what is no workflow or no YAML', () => {
    expect(['.github/workflows/a.yml', '.gitea/workflows/b.yaml', '.forgejo/workflows/c.yml'].every(isWorkflow)).toBe(
      true,
    );
    expect(isWorkflow('docs/workflows/a.yml') || isWorkflow('.github/workflows/x/y.yml')).toBe(false);
    expect(withoutFeedSteps('a: [updates.xml\n b', ['updates.xml'])).toMatchObject({
      removed: [],
      unsure: [expect.any(String)],
    });
  });
});
