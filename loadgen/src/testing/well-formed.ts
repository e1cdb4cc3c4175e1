/** Whether a page is well-formed XML behind its doctype: enough of the grammar for what is written here. */

const kToken = /<!--[\s\S]*?-->|<(\/?)([a-zA-Z][\w-]*)((?:\s+[a-zA-Z][\w:-]*="[^"<]*")*)\s*(\/?)>|[^<]+|</g;
const kReference = /&(?!(?:amp|lt|gt|quot|apos|#\d+|#x[\da-fA-F]+);)/;

export interface Element {
  readonly name: string;
  readonly attributes: string;
}

/** The elements in their order; throws where it is not well-formed. */
export function elementsOf(page: string): Element[] {
  const text = page.replace(/^<!doctype html>\n/, '');
  const open: string[] = [];
  const elements: Element[] = [];
  for (const [token, close, name, attributes = '', empty] of text.matchAll(kToken)) {
    if (token === '<') throw new Error(`a stray < in <${open.join('><')}>`);
    if (kReference.test(token)) throw new Error(`a stray & in ${token.slice(0, 80)}`);
    if (name === undefined) {
      if (open.length === 0 && token.trim() !== '') throw new Error(`text outside: ${token.slice(0, 80)}`);
      continue;
    }
    if (close === '/') {
      if (open.pop() !== name) throw new Error(`</${name}> closes something else`);
      continue;
    }
    const names = [...attributes.matchAll(/([\w:-]+)="/g)].map(([, each]) => each);
    if (new Set(names).size < names.length) throw new Error(`an attribute twice: ${token}`);
    elements.push({ name, attributes });
    if (empty !== '/') open.push(name);
  }
  if (open.length > 0) throw new Error(`<${open.join('><')}> is not closed`);
  return elements;
}
