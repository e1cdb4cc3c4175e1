/**
 * An action as bundlers make them: many modules in one text, of which a part is loaded when the action is, and a few functions are called by an
 * invocation. The text is the same every time (a seeded generator), and its own: identifiers, tables and texts differ from module to module.
 */

import type { MeasuredFunction } from '../functions.ts';

export const bundleBytes = 5_000_000;

/** What is loaded of the modules, from the first on. */
const loadedPart = 0.5;
/** Modules whose functions an invocation calls. */
const calledModules = 40;

const nouns =
  'account address answer archive batch block buffer bucket cache chunk client cursor date device entry event field filter frame group header index item key label layer limit line list lock message model node order packet page part path policy pool price query queue range record region report request route rule scope segment session signal state stream table task timer token topic tree unit user value vector window zone'.split(
    ' ',
  );
const verbs =
  'add apply bind build check clear clone close collect compare copy count create decode delete emit encode expand fetch find flush format get group hash insert join keep link load lock map mark match merge move normalise open pack parse patch pick push read reduce remove rename render reset resolve rotate run scan select send shift sort split start stop store take trim update visit wrap write'.split(
    ' ',
  );

/** mulberry32: small, and good enough for texts. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

class Writer {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = generator(seed);
  }

  below(limit: number): number {
    return Math.floor(this.#next() * limit);
  }

  pick(words: readonly string[]): string {
    return words[this.below(words.length)] as string;
  }

  /** `parseRoute`. */
  verbal(): string {
    return `${this.pick(verbs)}${capital(this.pick(nouns))}`;
  }

  times(from: number, to: number, make: (index: number) => string): string[] {
    return Array.from({ length: from + this.below(to - from + 1) }, (_, index) => make(index));
  }

  sentence(): string {
    return this.times(4, 12, () => (this.below(2) === 0 ? this.pick(nouns) : this.pick(verbs))).join(' ');
  }
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function functionText(writer: Writer, name: string): string {
  const [list, one, total] = [`${writer.pick(nouns)}s`, writer.pick(nouns), writer.pick(nouns)];
  const cases = writer.times(1, 5, (index) => {
    return `      case ${index}: ${total}Sum += ${one}.${writer.pick(nouns)}Size ?? ${writer.below(1000)}; break;`;
  });
  return `  function ${name}(${list}, options = {}) {
    const { ${writer.pick(nouns)}Limit = ${writer.below(100)}, strict = ${writer.below(2) === 0} } = options;
    if (!Array.isArray(${list})) throw new TypeError('${writer.sentence()}: ' + typeof ${list});
    let ${total}Sum = ${writer.below(50)};
    for (const ${one} of ${list}) {
      if (strict && ${one} === undefined) continue;
      switch ((${one}.kind ?? ${writer.below(9)}) % ${cases.length + 1}) {
${cases.join('\n')}
      default: ${total}Sum = (${total}Sum * 31 + String(${one}.name ?? '${writer.verbal()}').length) % ${1_000 + writer.below(9_000)};
      }
    }
    return ${total}Sum;
  }
`;
}

function classText(writer: Writer, name: string): string {
  const fields = [...new Set(writer.times(2, 5, () => writer.pick(nouns)))];
  const methods = [...new Set(writer.times(2, 4, () => writer.verbal()))].map((method) => {
    const field = writer.pick(fields);
    return `    ${method}(${field}) {
      if (this.${field} === ${field}) return this;
      this.${field} = ${field} ?? /^${writer.pick(nouns)}-(\\d+)$/.exec('${writer.pick(nouns)}-${writer.below(99)}')?.[1];
      return this.listeners.length > ${writer.below(9)} ? this.notify('${writer.verbal()}', ${field}) : this;
    }
`;
  });
  return `  class ${name} {
    constructor({ ${fields.join(', ')} } = {}) {
${fields.map((field) => `      this.${field} = ${field} ?? '${writer.pick(nouns)}';`).join('\n')}
      this.listeners = [];
    }
${methods.join('')}    notify(event, value) {
      for (const listener of this.listeners) listener({ event, value, at: ${writer.below(10_000)} });
      return this;
    }
  }
`;
}

function moduleText(writer: Writer, id: number, count: number): string {
  const functions = [...new Set(writer.times(2, 5, () => writer.verbal()))];
  const type = `${capital(writer.pick(nouns))}${capital(writer.pick(nouns))}`;
  const needs = [2 * id + 1, 2 * id + 2].filter((needed) => needed < count * loadedPart);
  const table = writer.times(
    3,
    12,
    (index) => `'${writer.pick(nouns)}-${index}': { kind: ${writer.below(9)}, name: '${writer.sentence()}' }`,
  );
  return `/***/ ${id}: (module, exports, __require__) => {
  'use strict';
${needs.map((needed) => `  const module${needed} = __require__(${needed});\n`).join('')}  const table = {
    ${table.join(',\n    ')}
  };
${functions.map((name) => functionText(writer, name)).join('')}${classText(writer, type)}  const shared = new ${type}({});
  exports.id = ${id};
  exports.work = (n) => ${functions.map((name) => `${name}(Object.values(table))`).join(' + ')} + n % ${2 + writer.below(97)};
  Object.assign(exports, { ${functions.join(', ')}, ${type}, shared${needs.map((needed) => `, needs${needed}: module${needed}.id`).join('')} });
}`;
}

/** Source text of at least so many bytes, and not much more; ASCII, as bundlers write it. */
export function bundleText(bytes = bundleBytes, seed = 1): string {
  const writer = new Writer(seed);
  // How many there are has to be known to the first.
  const sample = Array.from({ length: 50 }, (_, id) => moduleText(new Writer(id), id, 1e9)).join(',\n').length / 50;
  const count = Math.ceil(bytes / sample);
  const modules: string[] = [];
  for (let [id, size] = [0, 0]; size < bytes || id < count * loadedPart; id += 1) {
    const text = moduleText(writer, id, count);
    modules.push(text);
    size += text.length + 2;
  }
  return `const __modules__ = {
${modules.join(',\n')}
};
const __cache__ = {};
function __require__(id) {
  const cached = __cache__[id];
  if (cached !== undefined) return cached.exports;
  const module = (__cache__[id] = { exports: {} });
  __modules__[id](module, module.exports, __require__);
  return module.exports;
}
const __entry__ = __require__(0);
function main({ n }) {
  let sum = __entry__.work(n);
  for (let id = 1; id <= ${calledModules}; id++) sum += __require__(id).work(n);
  return { n, sum, loaded: Object.keys(__cache__).length };
}
`;
}

/** Checked by its first answer: whatever runs it later must come to the same. */
export function bundle(source: string): MeasuredFunction {
  const sums = new Map<number, number>();
  const argument = (n: number) => n % 2;
  return {
    source,
    argumentsOf: (n) => ({ n: argument(n) }),
    check: (n, result) => {
      const { n: got, sum, loaded } = (result ?? {}) as { n?: unknown; sum?: unknown; loaded?: unknown };
      const isRight =
        got === argument(n) && typeof sum === 'number' && Number(loaded) > 10 && sum === (sums.get(got) ?? sum);
      if (!isRight) return `wrong result: ${JSON.stringify(result)?.slice(0, 200)}`;
      sums.set(got, sum);
      return undefined;
    },
  };
}
