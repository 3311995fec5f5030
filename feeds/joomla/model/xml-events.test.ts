import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readXml } from './xml-events.ts';

type Event = ['open', string, Record<string, string>] | ['close', string] | ['text', string];

function eventsOf(document: string | Uint8Array): { ok: boolean; events: Event[] } {
  const events: Event[] = [];
  const ok = readXml(typeof document === 'string' ? Buffer.from(document) : document, {
    open: (name, attributes) => events.push(['open', name, Object.fromEntries(attributes)]),
    close: (name) => events.push(['close', name]),
    text: (piece) => events.push(['text', piece]),
  });
  return { ok, events };
}

function textsOf(document: string): string[] {
  return eventsOf(document).events.flatMap((event) => (event[0] === 'text' ? [event[1]] : []));
}

describe('readXml', () => {
  it.each([
    ['one &amp; two', ['one ', '&', ' two']],
    ['be&#116;a', ['be', 't', 'a']],
    ['\nbeta\n', ['\nbeta\n']],
    ['x\r\ny\rz', ['x', '\ny', '\nz']],
    ['x<![CDATA[in\nin2]]>y', ['x', 'in\nin2', 'y']],
    ['<![CDATA[]]>', ['']],
    ['x<!-- c -->y<?p q?>z', ['x', 'y', 'z']],
    ['xéy é', ['x', 'éy é']],
    [`é${'x'.repeat(700)}`, [`é${'x'.repeat(298)}`, 'x'.repeat(300), 'x'.repeat(102)]],
    ['x'.repeat(700), ['x'.repeat(700)]],
    ['&#233;&#x1F600;', ['é', '😀']],
  ])('gives out the text %j in the pieces %j', (text, pieces) => {
    expect(textsOf(`<a>${text}</a>`)).toEqual(pieces);
  });

  it('knows the entities that the document declares, the first of a name', () => {
    const doctype = '<!DOCTYPE a [<!-- it\'s --><!ENTITY v "1.&#50;.0"><!ENTITY v "9"><!ENTITY m "<b>q</b>">]>';
    expect(textsOf(`${doctype}<a>p&v;q&m;</a>`)).toEqual(['p', '1.2.0', 'q', '<b>q</b>']);
    expect(eventsOf(`${doctype}<a x="&v;"/>`).events[0]).toEqual(['open', 'A', { X: '1.2.0' }]);
  });

  it('survives an entity that stands for no character', () => {
    expect(textsOf('<!DOCTYPE a [<!ENTITY v "&#x99999999;">]><a>&v;</a>')).toEqual(['\ufffd']);
  });

  it('folds the case of names and keeps values', () => {
    expect(eventsOf('<aB c="Dd" C="e"><j:x/></aB>')).toEqual({
      ok: true,
      events: [
        ['open', 'AB', { C: 'e' }],
        ['open', 'J:X', {}],
        ['close', 'J:X'],
        ['close', 'AB'],
      ],
    });
  });

  it.each([
    '',
    ' ',
    'OK',
    '404',
    '<',
    '<a',
    '<a>te',
    '<a><b>x</b',
    '<a><![CDATA[x',
    '<!-- x',
    '<?xml version="1.0"',
    '<a>x & y<b></c>',
  ])('takes no offence at %j', (document) => {
    expect(eventsOf(document).ok).toBe(true);
  });

  it.each([
    'nope',
    '{"a":1}',
    '<a/>junk',
    '<a></b>',
    ' <?xml version="1.0"?><a/>',
    '<a>&nbsp;</a>',
    '<a>x & y;</a>',
    '<a b="p & q"><c/></a>',
    '<a>]]></a>',
    '<a b=1/>',
    '<a>\u0001</a>',
    '<a b="1" b="2"/>',
  ])('calls %j a parse error', (document) => {
    expect(eventsOf(document).ok).toBe(false);
  });

  it('follows the declared encoding, and refuses an unknown one and bytes that are none', () => {
    const latin = Buffer.from('<?xml version="1.0" encoding="ISO-8859-1"?><a>\u00fc</a>', 'latin1');
    expect(eventsOf(latin).events[1]).toEqual(['text', 'ü']);
    expect(eventsOf('<?xml version="1.0" encoding="nonsense"?><a/>').ok).toBe(false);
    expect(eventsOf(Buffer.from('<a>\u00fc</a>', 'latin1')).ok).toBe(false);
    expect(eventsOf(Buffer.from('\ufeff<a/>', 'utf16le')).ok).toBe(true);
  });

  it('lets an error of the listener through', () => {
    const angry = () => {
      throw new Error('mine');
    };
    expect(() => readXml(Buffer.from('<a>x</a>'), { open: angry, close() {}, text() {} })).toThrow('mine');
  });
});

describe('agreement with PHP itself', () => {
  const php = spawnSync('php', ['-r', 'exit(function_exists("xml_parser_create") ? 0 : 1);']);
  const missing = php.error !== undefined || php.status !== 0;
  if (missing)
    process.stderr.write('\nSKIPPED: there is no `php` with its XML extension on the PATH, it was not asked.\n');

  const script = `
    $results = [];
    foreach (json_decode(stream_get_contents(STDIN)) as $document) {
      $events = [];
      $parser = xml_parser_create('');
      xml_set_element_handler($parser,
        function ($p, $name, $attributes) use (&$events) { $events[] = ['open', $name, (object) $attributes]; },
        function ($p, $name) use (&$events) { $events[] = ['close', $name]; });
      xml_set_character_data_handler($parser, function ($p, $text) use (&$events) { $events[] = ['text', $text]; });
      $ok = xml_parse($parser, $document) === 1;
      $results[] = ['ok' => $ok, 'events' => $events];
    }
    echo json_encode($results);`;

  const word = fc.constantFrom(
    'x',
    'beta',
    ' ',
    '\n',
    '\r\n',
    'é',
    '😀',
    '&amp;',
    '&#233;',
    ']',
    '>',
    'x'.repeat(290),
    'ü'.repeat(200),
  );
  const inline = fc.constantFrom(
    '<!-- c & d -->',
    '<?p q?>',
    '<![CDATA[a & b\né]]>',
    '<b/>',
    '<B c="1 &lt; 2" d=\'"\'/>',
  );
  const content = fc
    .array(fc.oneof({ weight: 4, arbitrary: word }, inline), { maxLength: 8 })
    .map((parts) => parts.join(''));
  const good = fc
    .array(content, { maxLength: 4 })
    .map((texts) => `<a>${texts.map((text) => `<i>${text}</i>`).join('\n')}</a>`);
  const fault = fc.constantFrom(
    '&',
    '& ',
    '&und;',
    '<',
    '</i>',
    '<i>',
    '</x>',
    '<b c="&">',
    '<b c="x',
    ']]>',
    '\u0001',
  );
  const faulty = fc.tuple(good, fault, fc.nat()).map(([document, text, at]) => {
    const place = document.indexOf('<i>', at % document.length);
    return place === -1 ? document : document.slice(0, place + 3) + text + document.slice(place + 3);
  });

  it.skipIf(missing)('gives the same events and the same verdict on 3,000 random documents', () => {
    const documents = fc.sample(fc.oneof(good, faulty), 3_000);
    const input = JSON.stringify(documents);
    const run = spawnSync('php', ['-r', script], { input, encoding: 'utf8', maxBuffer: 1e9 });
    const expected = JSON.parse(run.stdout) as { ok: boolean; events: Event[] }[];
    const wrong = documents.flatMap((document, i) => {
      const ours = eventsOf(document);
      const theirs = expected[i];
      // Of a refused document the events decide nothing.
      const same =
        ours.ok === theirs?.ok && (!ours.ok || JSON.stringify(ours.events) === JSON.stringify(theirs.events));
      return same ? [] : [{ document, ours, theirs }];
    });
    expect(wrong.slice(0, 3)).toEqual([]);
  });
});
