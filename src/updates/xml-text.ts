/**
 * For xmlbuilder2's text and attribute values: its serializer takes an `&` that begins one of XML's five entities for an escape
 * that is there already, so a vendor's literal `&amp;` would reach the client as `&`. Not for CDATA, which escapes nothing.
 */
export function xmlText(text: string): string {
  return text.replaceAll('&', '&amp;');
}
