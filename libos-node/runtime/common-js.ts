/**
 * Runtime source (TypeScript, ES module syntax) to what the guest's Node runs: CommonJS without types.
 *
 * Why not ES modules: Node's ES module loader costs about 15 ms more before the first line runs than CommonJS does, which is
 * half of a plain Node's start. The rewriting is by line and knows the forms that the runtime's sources use; it throws on
 * any other import or export, so that nothing is passed on wrongly. Line numbers stay.
 *
 * Left out: live bindings, cyclic imports, default exports, re-exports.
 */
import { stripTypeScriptTypes } from 'node:module';

const namedImport = /^import \{([^}]*)\} from '([^']+)';$/gm;
const namespaceImport = /^import \* as (\w+) from '([^']+)';$/gm;
const declaration = /^export (?=(?:async function|function|class|const) (\w+))/gm;
const leftOver = /^(?:import|export)\b(?!\().*$/m;
const relativeRequire = /\brequire\('(\.[^']+)\.ts'\)/g;

/** JavaScript text for the guest; throws a SyntaxError on forms that it does not know. */
export function toCommonJs(source: string): string {
  const exported: string[] = [];
  const code = withoutWarning(() => stripTypeScriptTypes(source, { mode: 'strip' }))
    .replace(namedImport, (_, names: string, specifier: string) => {
      return `const {${names.replace(/(\w+)\s+as\s+(\w+)/g, '$1: $2')}} = require('${specifier}');`;
    })
    .replace(namespaceImport, "const $1 = require('$2');")
    .replace(declaration, (_, name: string) => {
      exported.push(name);
      return '';
    })
    // Last: imports have become requires.
    .replace(relativeRequire, "require('$1.js')");
  const unknown = leftOver.exec(code);
  if (unknown !== null) throw new SyntaxError(`The runtime's build knows no such form: ${unknown[0]}`);
  return `'use strict'; ${code}\n${exported.map((name) => `exports.${name} = ${name};\n`).join('')}`;
}

/** The function warns that it is experimental: known, and no matter for whoever starts a VM. */
function withoutWarning<T>(work: () => T): T {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return work();
  } finally {
    process.emitWarning = emitWarning;
  }
}
