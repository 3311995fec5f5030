import type { RepositoryName } from '../../src/forge/forge.ts';
import { type FakeForge, type FakeForgeOptions, type FakeRepository, startFakeForge } from '../support/fake-forge.ts';
import type { ForgeStage } from './forge-contract.ts';
import type { StagePeople } from './people-contract.ts';

/** The contract on the forge of the tests. */
export async function fakeStage(options: FakeForgeOptions): Promise<ForgeStage> {
  const fake = await startFakeForge(options);
  const repositories = new Map<string, FakeRepository>();
  const of = ({ name }: RepositoryName) => found(repositories, name);
  return {
    forge: fake.connection(),
    owner: 'acme',
    user: 'root-admin',
    tellsTagTexts: true,
    makeRepository: async (name) => {
      const repository = await fake.createRepository({ owner: 'acme', name });
      repositories.set(name, repository);
      return { owner: 'acme', name };
    },
    pushTag: async (repository, tag, files, message) => {
      await fake.pushTag(of(repository), tag, message === undefined ? { files } : { files, message });
    },
    pushBranch: async (repository, files) => void (await fake.pushBranch(of(repository), files)),
    statuses: async (repository, commit) =>
      (of(repository).statuses.get(commit) ?? []).map((one) => `${one.context} ${one.state} ${one.description}`),
    release: async (repository, { draft, ...release }) => {
      await (draft ? fake.draftRelease(of(repository), release) : fake.publishRelease(of(repository), release));
    },
    rename: (repository, name) => fake.renameRepository(of(repository), name),
    makePublic: (repository) => fake.setPrivate(of(repository), false),
    spoilHook: async (repository) => spoil(of(repository)),
    people: peopleOf(fake, of),
    close: () => closeWithoutLeaks(fake),
  };
}

function peopleOf(fake: FakeForge, of: (repository: RepositoryName) => FakeRepository): StagePeople {
  return {
    user: async (login) => ({ remoteId: String(fake.createUser(login)), login }),
    rename: async (from, to) => fake.renameUser(from, to),
    makeOwner: async (login) => fake.addOwner('acme', login),
    makeRepositoryAdmin: async (repository, login) => void of(repository).admins.add(login),
    makeTeam: async (name, members) => String(fake.createTeam('acme', { name, members: [...members] }).id),
    makeOrganization: async (name) => void fake.createOrganization(name),
    renameOrganization: async (from, to) => fake.renameOrganization(from, to),
    deleteOrganization: async (name) => fake.deleteOrganization(name),
    app: async (redirectUrl) => ({ ...fake.addApp(redirectUrl), redirectUrl }),
    visit: async (url, login) => visit(url, login),
  };
}

/** As a browser in which this person is signed in at the forge. */
export async function visit(url: string, login: string): Promise<URL> {
  const answer = await fetch(url, { redirect: 'manual', headers: { cookie: `forge_user=${login}` } });
  return new URL(answer.headers.get('location') ?? '', url);
}

function found(repositories: Map<string, FakeRepository>, name: string): FakeRepository {
  const repository = repositories.get(name);
  if (!repository) throw new Error(`no repository ${name}`);
  return repository;
}

function spoil(repository: FakeRepository): void {
  for (const hook of repository.hooks) Object.assign(hook, { active: false, events: ['push'] });
}

async function closeWithoutLeaks(fake: FakeForge): Promise<void> {
  await fake.close();
  const leaks = fake.leaks();
  if (leaks.length > 0) throw new Error(`a token reached another host: ${leaks.map((one) => one.path).join(', ')}`);
}
