import { type FakeRepository, type FakeToken, type FakeWorld, newNumber, ownerOf } from './fake-forge-world.ts';

/** Who may do what on a fake forge: site admins, owners of organizations, teams with units, and what a repository names itself. */

export interface FakeTeam {
  id: number;
  organization: string;
  name: string;
  /** `repo.code`, `repo.releases`, … and `read`, `write`, `admin` or `owner`. */
  units: Record<string, string>;
  includesAll: boolean;
  repositories: Set<number>;
  members: Set<string>;
}

export interface NewTeam {
  name: string;
  units?: Record<string, string>;
  members?: string[];
  /** Missing: all repositories of the organization. */
  repositories?: FakeRepository[];
}

const OWNERS = 'Owners';
const EVERY_UNIT = ['repo.code', 'repo.issues', 'repo.pulls', 'repo.releases', 'repo.wiki', 'repo.projects'];

export function addTeam(world: FakeWorld, organization: string, input: NewTeam): FakeTeam {
  const team: FakeTeam = {
    id: newNumber(world),
    organization: ownerOf(world, organization).login,
    name: input.name,
    units: input.units ?? { 'repo.code': 'read', 'repo.releases': 'write' },
    includesAll: input.repositories === undefined,
    repositories: new Set(input.repositories?.map((one) => one.id)),
    members: new Set(input.members),
  };
  for (const login of team.members) ownerOf(world, login, 'user');
  world.teams.push(team);
  return team;
}

export function addOwner(world: FakeWorld, organization: string, login: string): void {
  ownerOf(world, login, 'user');
  const owners = world.teams.find((team) => team.organization === organization && team.name === OWNERS);
  if (owners) owners.members.add(login);
  else addTeam(world, organization, { name: OWNERS, units: fullUnits(), members: [login] });
}

export function removeOwner(world: FakeWorld, organization: string, login: string): void {
  for (const team of world.teams)
    if (team.organization === organization && team.name === OWNERS) team.members.delete(login);
}

/** With all that it has; the name is free for anybody. */
export function deleteOrganization(world: FakeWorld, name: string): void {
  world.owners.delete(name.toLowerCase());
  world.teams = world.teams.filter((team) => team.organization !== name);
  world.repositories = world.repositories.filter((repository) => repository.owner !== name);
}

export function isOwner(world: FakeWorld, login: string, organization: string): boolean {
  if (login.toLowerCase() === organization.toLowerCase()) return true;
  return teamsOf(world, login, organization).some((team) => team.name === OWNERS);
}

export function teamsOf(world: FakeWorld, login: string, organization?: string): FakeTeam[] {
  const all = world.teams.filter((team) => team.members.has(login));
  return organization === undefined ? all : all.filter((team) => team.organization === organization);
}

export function hasRepository(team: FakeTeam, repository: FakeRepository): boolean {
  return team.organization === repository.owner && (team.includesAll || team.repositories.has(repository.id));
}

export function mayRead(world: FakeWorld, who: FakeToken | null, repository: FakeRepository): boolean {
  if (!repository.private || mayAdminister(world, who, repository)) return true;
  if (who === null) return false;
  return (
    repository.readers.has(who.login) || reaches(world, who.login, repository, 'repo.code', ['read', 'write', 'admin'])
  );
}

/** Sees drafts. */
export function mayWriteReleases(world: FakeWorld, who: FakeToken | null, repository: FakeRepository): boolean {
  if (mayAdminister(world, who, repository)) return true;
  return who !== null && reaches(world, who.login, repository, 'repo.releases', ['write', 'admin']);
}

export function mayAdminister(world: FakeWorld, who: FakeToken | null, repository: FakeRepository): boolean {
  if (who === null) return false;
  return who.siteAdmin || repository.admins.has(who.login) || isOwner(world, who.login, repository.owner);
}

function reaches(world: FakeWorld, login: string, repository: FakeRepository, unit: string, rights: string[]): boolean {
  return teamsOf(world, login).some(
    (team) => hasRepository(team, repository) && rights.includes(team.units[unit] ?? ''),
  );
}

function fullUnits(): Record<string, string> {
  return Object.fromEntries(EVERY_UNIT.map((unit) => [unit, 'owner']));
}
