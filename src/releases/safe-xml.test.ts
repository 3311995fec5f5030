import { describe, expect, it } from 'vitest';
import { childOf, childText, parseXml, parseXmlText, XML_SIZE_LIMIT, type XmlElement } from './safe-xml.ts';

function root(source: string | Uint8Array): XmlElement {
  const result = typeof source === 'string' ? parseXmlText(source) : parseXml(source);
  if (!result.ok) throw new Error(result.detail);
  return result.root;
}

function fault(source: string | Uint8Array): string {
  const result = typeof source === 'string' ? parseXmlText(source) : parseXml(source);
  return result.ok ? 'none' : result.fault;
}

function utf16be(text: string): Uint8Array {
  return Buffer.from(text, 'utf16le').swap16();
}

describe('the tree', () => {
  it('keeps names, attributes, order and the own text of each element', () => {
    const tree = root('<?xml version="1.0"?><a x="1 &amp; 2">one<b/><![CDATA[<two>]]><b y=\'z\'>three</b></a>');
    expect(tree).toEqual({
      name: 'a',
      attributes: { x: '1 & 2' },
      text: 'one<two>',
      children: [
        { name: 'b', attributes: {}, children: [], text: '' },
        { name: 'b', attributes: { y: 'z' }, children: [], text: 'three' },
      ],
    });
  });

  it('finds children by exact name', () => {
    const tree = root('<a><Name>no</Name><name> yes </name><name>second</name></a>');
    expect(childText(tree, 'name')).toBe(' yes ');
    expect(childText(tree, 'absent')).toBe('');
    expect(childOf(undefined, 'name')).toBeUndefined();
  });

  it('resolves the five entities of XML and character references, nothing else', () => {
    expect(root('<a>&lt;&gt;&amp;&quot;&apos;&#228;&#x20AC;</a>').text).toBe('<>&"\'ä€');
    expect(fault('<a>&nbsp;</a>')).toBe('malformed');
  });
});

describe('what is refused', () => {
  it.each([
    ['a document type', '<!DOCTYPE a><a/>'],
    ['an entity', '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'],
    ['an outside entity', '<?xml version="1.0"?><!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>'],
    ['a billion laughs', '<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>'],
  ])('%s', (_name, source) => {
    expect(fault(source)).toBe('entities');
  });

  it.each([
    ['nothing', ''],
    ['no element', '<?xml version="1.0"?>'],
    ['an unclosed element', '<a><b></a>'],
    ['an end that is missing', '<a>'],
    ['a bare ampersand', '<a>this & that</a>'],
    ['text after the root', '<a/>more'],
    ['a blank before the declaration', ' <?xml version="1.0"?><a/>'],
    ['an attribute twice', '<a x="1" x="2"/>'],
    ['elements nested too deep', `${'<a>'.repeat(101)}${'</a>'.repeat(101)}`],
    ['too many elements', `<a>${'<b/>'.repeat(100_001)}</a>`],
    ['too large a text', `<a>${' '.repeat(XML_SIZE_LIMIT)}</a>`],
  ])('%s', (_name, source) => {
    expect(fault(source)).toBe('malformed');
  });

  it('says where the fault is', () => {
    expect(parseXmlText('<a>\n<b></a>')).toMatchObject({
      ok: false,
      detail: expect.stringMatching(/^line 2, column \d+: /),
    });
  });

  it('takes 100 levels', () => {
    expect(fault(`${'<a>'.repeat(100)}${'</a>'.repeat(100)}`)).toBe('none');
  });
});

describe('the encoding', () => {
  it.each([
    ['UTF-8 without a declaration', Buffer.from('<a>ä€</a>', 'utf8')],
    ['UTF-8 with a mark', Buffer.from('\uFEFF<?xml version="1.0" encoding="utf-8"?><a>ä€</a>', 'utf8')],
    [
      'UTF-16 little end first with a mark',
      Buffer.from('\uFEFF<?xml version="1.0" encoding="UTF-16"?><a>ä€</a>', 'utf16le'),
    ],
    ['UTF-16 big end first with a mark', utf16be('\uFEFF<?xml version="1.0" encoding="UTF-16"?><a>ä€</a>')],
    [
      'UTF-16 little end first without a mark',
      Buffer.from('<?xml version="1.0" encoding="utf-16"?><a>ä€</a>', 'utf16le'),
    ],
    ['UTF-16 big end first without a mark', utf16be('<?xml version="1.0" encoding="utf-16"?><a>ä€</a>')],
    ['Latin-9', Buffer.from('<?xml version="1.0" encoding="ISO-8859-15"?><a>\xe4\xa4</a>', 'latin1')],
    ['Windows-1252', Buffer.from('<?xml version="1.0" encoding="windows-1252"?><a>\xe4\x80</a>', 'latin1')],
  ])('%s', (_name, bytes) => {
    expect(root(bytes).text).toBe('ä€');
  });

  it('reads Latin-1', () => {
    expect(root(Buffer.from("<?xml version='1.0' encoding='iso-8859-1'?><a>\xe4</a>", 'latin1')).text).toBe('ä');
  });

  it.each([
    ['Latin-1 bytes that claim nothing', Buffer.from('<a>\xe4</a>', 'latin1')],
    ['Latin-1 bytes that claim UTF-8', Buffer.from('<?xml version="1.0" encoding="utf-8"?><a>\xe4</a>', 'latin1')],
    ['plain bytes that claim UTF-16', Buffer.from('<?xml version="1.0" encoding="utf-16"?><a/>')],
    ['an encoding of no use here', Buffer.from('<?xml version="1.0" encoding="shift_jis"?><a/>')],
  ])('refuses %s', (_name, bytes) => {
    expect(fault(bytes)).toBe('encoding');
  });

  it('refuses a file above 2 MB before it decodes it', () => {
    expect(fault(new Uint8Array(XML_SIZE_LIMIT + 1).fill(0xff))).toBe('malformed');
  });
});
