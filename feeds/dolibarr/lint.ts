import type { DolibarrFacts, ReleaseProblem } from '../../src/releases/release.ts';
import { comparePhpVersions } from '../../src/releases/version-order.ts';
import type { LintContext } from '../../src/updates/feed-format.ts';
import { announcedVersion, isVersionKeyword, versionFaults } from './announced-version.ts';
import { deployFolder } from './model/deploy-name.ts';
import { offeredName } from './offered-name.ts';
import { newProblem } from './problem.ts';
import { isDeployRoot } from './repack.ts';
import { asksOneOf, feedPlace } from './update-url.ts';

/** The number that Dolibarr's module builder puts into every new module. */
const TEMPLATE_NUMERO = 500_000;

/** Everything about a release that a Dolibarr would ignore, refuse or announce wrongly. */
export function lintRelease(context: LintContext): ReleaseProblem[] {
  const { facts } = context;
  if (facts.platform !== 'dolibarr') return [];
  return [
    ...versionProblems(context.version, facts),
    ...identityProblems(context, facts),
    ...nameProblems(context, facts.module),
    ...rootProblems(facts),
    ...descriptorProblems(context, facts),
  ];
}

function versionProblems(version: string, facts: DolibarrFacts): ReleaseProblem[] {
  const problems = versionFaults(version).map(({ told, fault }) =>
    newProblem(
      'VERSION_UNFIT',
      told ? 'warning' : 'error',
      `Version ${version} does not fit Dolibarr: ${fault}.`,
      'Use numbers and dots, and before a final version only -dev, -alpha, -beta or -rc with a number (2.0.0-rc.1).',
    ),
  );
  const installed = facts.version;
  if (installed === null) return problems;
  if (isVersionKeyword(installed)) return [...problems, versionIsKeyword(installed)];
  const announced = announcedVersion(version);
  if (announced === null || comparePhpVersions(announced, installed) === 0) return problems;
  return [...problems, versionMismatch(announced, installed)];
}

function versionIsKeyword(installed: string): ReleaseProblem {
  return newProblem(
    'DESCRIPTOR_VERSION_KEYWORD',
    'error',
    `The descriptor says version '${installed}', a word below every number: an update would be shown for ever.`,
    'Write the number of the release into $this->version.',
  );
}

function versionMismatch(announced: string, installed: string): ReleaseProblem {
  const effect =
    comparePhpVersions(announced, installed) > 0
      ? 'the update would still be shown after it is installed'
      : 'whoever has it installed would not be told of it or the next one in time';
  return newProblem(
    'VERSION_MISMATCH',
    'error',
    `The release is ${announced}, but the descriptor says ${installed}: ${effect}.`,
    `Set $this->version to ${announced} and release again.`,
  );
}

function identityProblems(context: LintContext, facts: DolibarrFacts): ReleaseProblem[] {
  const { earlier } = context;
  if (earlier?.platform !== 'dolibarr' || earlier.module === facts.module) return [];
  return [
    newProblem(
      'IDENTITY_CHANGED',
      'error',
      `The module is called ${facts.module}, but the release before it ${earlier.module}: Dolibarr would install it beside the old one.`,
      'Keep the name of the descriptor and its folder, or make a product of its own for the new module.',
    ),
  ];
}

function nameProblems(context: LintContext, module: string): ReleaseProblem[] {
  const { fileName, version } = context;
  const offered = offeredName(module, version);
  if (deployFolder(offered) !== module) {
    return [
      newProblem(
        'FILE_NAME_UNFIT',
        'warning',
        `Dolibarr drops "module_" from file names, so no name leads its deploy page to the folder ${module}.`,
        'Tell customers to unpack the file into htdocs/custom themselves, or rename the module.',
      ),
    ];
  }
  const folder = deployFolder(fileName);
  if (folder === module) return [];
  const found = folder === null ? 'refuses this file name' : `would look for a folder ${folder} in this file`;
  return [
    newProblem(
      'FILE_NAME_UNFIT',
      'warning',
      `Dolibarr's deploy page ${found}: ${fileName}.`,
      `Nothing needs doing: it is offered as ${offered}. Name the asset so to have the same name on the forge.`,
    ),
  ];
}

function rootProblems({ module, rootPath }: DolibarrFacts): ReleaseProblem[] {
  if (isDeployRoot(rootPath, module)) return [];
  const found = rootPath === '' ? 'at the root of the archive' : `in ${rootPath}`;
  return [
    newProblem(
      'ROOT_FOLDER_UNFIT',
      'warning',
      `The module lies ${found}, but Dolibarr's deploy page wants it in ${module}/.`,
      'Nothing needs doing: the file is packed anew for download. Its hashes then differ from those on the forge.',
    ),
  ];
}

function descriptorProblems(context: LintContext, facts: DolibarrFacts): ReleaseProblem[] {
  const problems: ReleaseProblem[] = [];
  if (facts.numero === TEMPLATE_NUMERO) {
    problems.push(
      newProblem(
        'NUMERO_DEFAULT',
        'warning',
        'The module number is 500000, which every new module of the module builder has: two of them disturb each other.',
        "Reserve a number of your own on Dolibarr's wiki and set $this->numero to it.",
      ),
    );
  }
  if (facts.urlLastVersion === null || !asksOneOf(facts.urlLastVersion, context.feedUrls)) {
    problems.push(updateUrlMissing(context, facts.urlLastVersion));
  }
  if (facts.dolibarrMin === null && context.target === null) {
    problems.push(
      newProblem(
        'TARGET_PLATFORM_MISSING',
        'warning',
        'Nothing says which Dolibarr the module needs, so it is announced to every Dolibarr.',
        'Set $this->need_dolibarr_version, for example to array(19, 0).',
      ),
    );
  }
  return problems;
}

function updateUrlMissing(context: LintContext, url: string | null): ReleaseProblem {
  const text = context.feedUrls.find((feed) => feedPlace(feed)?.endsWith('.txt')) ?? context.feedUrls[0];
  const place = url === null ? null : feedPlace(url);
  const found = url === null ? 'sets no $this->url_last_version' : `asks ${place ?? 'another address'} for updates`;
  return newProblem(
    'UPDATE_URL_MISSING',
    'warning',
    `The descriptor ${found}, so its users are not told of updates from here.`,
    text === undefined
      ? "Set $this->url_last_version to this product's feed."
      : `Set $this->url_last_version to ${text}, with the license key as the parameter key.`,
  );
}
