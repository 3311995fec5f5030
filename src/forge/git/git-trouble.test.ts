import { describe, expect, it } from 'vitest';
import { gitFailureOf, gitTrouble } from './git-trouble.ts';

describe('what git says', () => {
  it.each([
    [
      "fatal: '/srv/git/nope' does not appear to be a git repository\nfatal: Could not read from remote repository.",
      'missing',
    ],
    ["fatal: repository 'https://git.example.com/a/b/' not found", 'missing'],
    ['ERROR: Repository not found.\nfatal: Could not read from remote repository.', 'missing'],
    ['fatal: remote error: access denied or repository not exported: /a', 'missing'],
    ["fatal: unable to access 'https://a/': The requested URL returned error: 404", 'missing'],
    ["fatal: Authentication failed for 'https://git.example.com/a/'", 'unauthorized'],
    ["fatal: could not read Username for 'https://git.example.com': terminal prompts disabled", 'unauthorized'],
    [
      'git@git.example.com: Permission denied (publickey).\nfatal: Could not read from remote repository.',
      'unauthorized',
    ],
    ["fatal: unable to access 'https://a/': The requested URL returned error: 403", 'unauthorized'],
    ["fatal: unable to access 'https://a/': The requested URL returned error: 429", 'rate_limited'],
    ["fatal: unable to access 'https://a/': The requested URL returned error: 503", 'unreachable'],
    ["fatal: unable to access 'https://a/': The requested URL returned error: 301", 'bad_answer'],
    ["fatal: unable to access 'https://a/': Could not resolve host: a", 'unreachable'],
    ["fatal: unable to access 'https://a/': Failed to connect to a port 1 after 0 ms: Couldn't connect", 'unreachable'],
    ["fatal: unable to access 'https://a/': SSL certificate problem: self-signed certificate", 'unreachable'],
    [
      'ssh: connect to host a port 22: Connection refused\nfatal: Could not read from remote repository.',
      'unreachable',
    ],
    ['ssh: connect to host a port 22: Connection timed out', 'timeout'],
    ['Host key verification failed.\nfatal: Could not read from remote repository.', 'refused'],
    ["fatal: detected dubious ownership in repository at '/srv/git/a.git'", 'refused'],
    ["fatal: transport 'ext' not allowed", 'refused'],
    ["fatal: 'feedgate' does not appear to be a git repository", 'refused'],
    ['fatal: loose object 1 (stored in /m/objects/1) is corrupt', 'unknown'],
    ["fatal: not a git repository: '/m'", 'unknown'],
    ['', 'unknown'],
  ])('%j is %s', (stderr, failure) => {
    expect(gitFailureOf(stderr)).toBe(failure);
  });

  it('is handed on in its last words, without a login in an address', () => {
    const stderr =
      "warning: slow\nfatal: unable to access 'https://vera:p4ss@git.example.com/a/': Could not resolve host";
    const trouble = gitTrouble('unreachable', stderr);
    expect(trouble.reason).toBe('unreachable');
    expect(trouble.message).toBe(
      "git said: fatal: unable to access 'https://git.example.com/a/': Could not resolve host",
    );
    expect(gitTrouble('unknown', '').reason).toBe('bad_answer');
  });
});
