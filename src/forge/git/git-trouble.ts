import { ForgeTrouble, type ForgeTroubleReason } from '../../errors.ts';

/** What a failed run of git means. `unknown` may be the mirror's own fault, so it is worth one new clone. */
type GitFailure = ForgeTroubleReason | 'missing' | 'unknown';

/** The words of git, ssh and libcurl in the C locale; the first row that fits decides. A git before 2.31 knows no `feedgate`. */
const WORDS: readonly (readonly [GitFailure, RegExp])[] = [
  ['refused', /'feedgate' does not appear/],
  ['refused', /dubious ownership|Host key verification failed|transport '.*' not allowed/i],
  ['rate_limited', /returned error: 429/],
  [
    'unauthorized',
    /Authentication failed|could not read (Username|Password)|Permission denied|returned error: 40[137]/i,
  ],
  [
    'missing',
    /does not appear to be a git repository|repository( '.*')? not found|repository not exported|project not found|returned error: 4(04|10)/i,
  ],
  ['bad_answer', /returned error: [34]\d\d|unable to update url base/i],
  ['timeout', /timed out|too slow/i],
  [
    'unreachable',
    /resolve host|Failed to connect|unable to connect|Connection (refused|reset|closed)|unreachable|No route to host|SSL|TLS|certificate|returned error: 5\d\d|early EOF|hung up|disconnect|Could not read from remote/i,
  ],
];

export function gitFailureOf(stderr: string): GitFailure {
  return WORDS.find(([, words]) => words.test(stderr))?.[0] ?? 'unknown';
}

/** The trouble in git's own last words, without any login that an address in them carries. `missing` and `unknown` become `bad_answer`. */
export function gitTrouble(failure: GitFailure, stderr: string): ForgeTrouble {
  const lines = stderr.split('\n').filter((line) => /^(fatal|error|remote|ssh):/i.test(line));
  const line = lines.find((text) => text.startsWith('fatal:')) ?? lines[0] ?? 'it failed without a word';
  const said = line.replace(/:\/\/[^/\s'@]*@/g, '://').slice(0, 300);
  const reason = failure === 'missing' || failure === 'unknown' ? 'bad_answer' : failure;
  return new ForgeTrouble(reason, `git said: ${said}`);
}
