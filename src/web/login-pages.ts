import type { LinkState } from '../accounts/login-links.ts';
import type { RoleIn } from '../accounts/people-roles.ts';
import type { SignedIn } from '../accounts/person.ts';
import { roleInWords } from '../accounts/role.ts';
import type { SignInRefusal } from '../accounts/sign-in.ts';
import type { ForgeRecord } from '../forge/store.ts';
import { escapeHtml, page } from './layout.ts';

const OPERATOR_HINT =
  '<p class="soft">Whoever runs this installation gets in without a forge: <code>feedgate login-link</code> prints a link.</p>';

export function signInPage(publicUrl: string, forges: readonly ForgeRecord[], returnTo: string | null): string {
  const query = returnTo === null ? '' : `?return=${encodeURIComponent(returnTo)}`;
  const buttons = forges.map(({ id, name }) => {
    const href = `${publicUrl}/login/${id}${query}`;
    return `<p><a class="button" href="${escapeHtml(href)}">Sign in with ${escapeHtml(name)}</a></p>`;
  });
  const how =
    buttons.length > 0
      ? 'What you may do here follows from what you may do on the forge.'
      : 'No forge is set up for signing in yet.';
  return page('Sign in – Feedgate', `<h1>Sign in</h1>\n<p>${how}</p>\n${buttons.join('\n')}\n${OPERATOR_HINT}`);
}

export function signedInPage(
  publicUrl: string,
  person: SignedIn,
  forgeName: string | null,
  { roles, complete }: { roles: readonly RoleIn[]; complete: boolean },
): string {
  const who =
    forgeName === null
      ? 'You are the operator of this installation.'
      : `${escapeHtml(person.login)} on ${escapeHtml(forgeName)}`;
  const rows = roles.map(
    ({ organization, role }) =>
      `<tr><th scope="row"><bdi>${escapeHtml(organization.name)}</bdi></th><td>${escapeHtml(roleInWords(role))}</td></tr>`,
  );
  const table = `<div class="scroll"><table><thead><tr><th scope="col">Organization</th><th scope="col">You are</th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table></div>`;
  const nothing =
    forgeName === null ? 'No organization is connected yet.' : 'You have no role in an organization here.';
  const none = complete ? `<p>${nothing}</p>` : '';
  const gap = complete ? '' : '<p>The forge could not be asked for all of your roles; look again in a moment.</p>';
  return page(
    'Signed in – Feedgate',
    `<h1><bdi>${escapeHtml(person.name)}</bdi></h1>
<p class="by">${who}</p>
${rows.length > 0 ? table : none}
${gap}
<form method="post" action="${escapeHtml(publicUrl)}/logout"><p><button class="button" type="submit">Sign out</button></p></form>`,
  );
}

/** The page of a link that is still good. The button, and not the look at the page, uses it up. */
export function linkPage(publicUrl: string, token: string): string {
  return page(
    'Sign in – Feedgate',
    `<h1>Sign in as the operator</h1>
<p>This link is good for one sign-in, in this browser. You may do everything, in every organization.</p>
<form method="post" action="${escapeHtml(publicUrl)}/login/link">
<input type="hidden" name="token" value="${escapeHtml(token)}">
<p><button class="button" type="submit">Sign in</button></p>
</form>`,
  );
}

const DEAD: Record<Exclude<LinkState, 'open'>, string> = {
  used: 'This link was used already. If that was not you, end its session and look at the audit.',
  expired: 'This link has expired.',
  unknown: 'There is no such link; perhaps not all of it was copied.',
};

export function deadLinkPage(publicUrl: string, state: Exclude<LinkState, 'open'>): string {
  const help = '<p>Print another one with <code>feedgate login-link</code>.</p>';
  return fault(publicUrl, 'This link does not sign you in', `<p>${DEAD[state]}</p>\n${help}`);
}

const REFUSED: Record<Exclude<SignInRefusal, { forge: string }>, string> = {
  unknown: 'This sign-in is not under way: it was finished already, or it was not begun here.',
  other_browser: 'This sign-in was begun in another browser, or another one was begun in this browser since.',
  expired: 'It took longer than ten minutes.',
  denied: 'You said no on the forge.',
};

export function refusalPage(publicUrl: string, why: SignInRefusal): string {
  const words = typeof why === 'string' ? REFUSED[why] : `${escapeHtml(why.forge)}.`;
  return fault(publicUrl, 'You are not signed in', `<p>${words}</p>`);
}

export function foreignPage(publicUrl: string): string {
  const words = `<p>This request did not come from a page of <code>${escapeHtml(publicUrl)}</code>. Open that address and try again.</p>`;
  return fault(publicUrl, 'Nothing was done', words);
}

export function tooManyPage(publicUrl: string): string {
  return fault(publicUrl, 'Too many sign-ins', '<p>Too many were begun from your network. Wait a minute.</p>');
}

function fault(publicUrl: string, title: string, body: string): string {
  const again = `<p><a class="button" href="${escapeHtml(publicUrl)}/login">Go to the sign-in page</a></p>`;
  return page(`${title} – Feedgate`, `<h1>${title}</h1>\n${body}\n${again}`);
}
