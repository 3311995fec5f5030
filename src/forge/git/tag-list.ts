import type { RemoteTag } from '../forge.ts';

/** Seven fields a tag, each ended by NUL; a tag's text may hold anything else, line breaks included. */
export const TAG_FORMAT = [
  '%(refname:strip=2)',
  '%(objecttype)',
  '%(objectname)',
  '%(*objecttype)',
  '%(*objectname)',
  '%(contents)',
  '%(contents:signature)',
]
  .map((field) => `${field}%00`)
  .join('');
const FIELDS = 7;

/** `commit: null`: a tag of a tag, which older versions of git peel only once. */
type ListedTag = Omit<RemoteTag, 'commit'> & { commit: string | null };

/** Reads the output of `for-each-ref` with TAG_FORMAT. Tags of files and trees have no commit to release and are left out. */
export function readTagList(output: string): ListedTag[] {
  const fields = output.split('\0');
  const tags: ListedTag[] = [];
  for (let i = 0; i + FIELDS < fields.length; i += FIELDS) {
    const [name = '', type, object = '', peeledType, peeled = '', text = '', signature = ''] = fields.slice(
      i,
      i + FIELDS,
    );
    const tag = { name: name.replace(/^\n/, ''), message: type === 'tag' ? withoutSignature(text, signature) : '' };
    if (type === 'commit') tags.push({ ...tag, commit: object });
    else if (peeledType === 'commit') tags.push({ ...tag, commit: peeled });
    else if (peeledType === 'tag') tags.push({ ...tag, commit: null });
  }
  return tags;
}

function withoutSignature(text: string, signature: string): string {
  const at = signature === '' ? -1 : text.lastIndexOf(signature);
  return (at < 0 ? text : text.slice(0, at)).trim();
}
