import { setOwner } from '../accounts/owners.ts';
import { requireOrganization } from '../forge/forge-reads.ts';
import { type Command, EXIT, required, textOf, UsageError } from './command.ts';
import { byCli, withCore } from './session.ts';

export const organizationOwner: Command = {
  name: 'organization owner',
  summary: 'Gives an organization another owner on its forge; its slug, products and keys stay.',
  usage: '<org> --owner NAME',
  help: [
    '--owner   a name on the forge; its owners administer the organization here from now on',
    'A rename on the forge needs none of this. Team roles are taken away where it is another owner: set them again.',
  ],
  options: { owner: { type: 'string' } },
  async run(call) {
    const slug = required(call.positionals[0], 'the organization');
    const name = textOf(call.values, 'owner');
    if (!name) throw new UsageError('--owner is missing');
    return withCore(call, 'database', async (core) => {
      const before = await requireOrganization(core.db, slug);
      const after = await setOwner(core.forge, before.id, name, byCli(core));
      call.io.json({ id: after.id, slug: after.slug, owner: after.owner, owner_id: after.ownerId });
      const id = after.ownerId === null ? '' : ` (id ${after.ownerId})`;
      call.io.say(`The owner of ${after.slug} is ${after.owner}${id} on its forge; it was ${before.owner}.`);
      return EXIT.ok;
    });
  },
};
