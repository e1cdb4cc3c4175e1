const fs = require('node:fs');
const Module = require('node:module');
const path = require('node:path');

function tell(name, step) {
  try {
    console.log(name, step());
  } catch (error) {
    console.log(name, error.name, error.code, error.message.split('\n')[0].replaceAll(process.cwd(), ''));
  }
}
const here = Module.createRequire(path.resolve('main.js'));
fs.writeFileSync('counter.js', 'module.exports = { count: (global.__count = (global.__count ?? 0) + 1) };');
fs.writeFileSync('cycle-a.js', 'exports.early = 1; exports.b = require("./cycle-b").seen; exports.late = 2;');
fs.writeFileSync('cycle-b.js', 'exports.seen = { ...require("./cycle-a") };');
fs.writeFileSync('data.json', '{ "x": 1 }');
fs.writeFileSync('bad.json', '{ x }');
fs.writeFileSync('throws.js', 'throw new Error("thrown");');
fs.writeFileSync('syntax.js', 'let let = 1;');
fs.writeFileSync('hash.js', '#!/usr/bin/env node\nmodule.exports = __filename.split("/").pop();');
fs.writeFileSync('esm.mjs', 'export const x = 1; export default 2;');
fs.mkdirSync('folder');
fs.writeFileSync(
  'folder/index.js',
  'module.exports = module.parent === undefined ? "no parent" : typeof module.parent;',
);
fs.writeFileSync('text.txt', 'module.exports = "as script"');
tell('cached', () => [here('./counter').count, here('./counter').count, here('./counter.js') === here('./counter')]);
tell('reloaded', () => {
  delete here.cache[here.resolve('./counter')];
  return here('./counter').count;
});
tell('cycle', () => here('./cycle-a'));
tell('json', () => here('./data'));
tell('bad json', () => here('./bad.json'));
tell('throws', () => here('./throws'));
tell('throws again', () => here('./throws'));
tell('syntax', () => here('./syntax'));
tell('hashbang', () => here('./hash'));
tell('esm', () => ({ ...here('./esm.mjs') }));
tell('folder', () => here('./folder'));
tell('text', () => here('./text.txt'));
tell('missing', () => here('./missing'));
tell('missing package', () => here('nowhere-package'));
tell('builtin', () => here('fs') === here('node:fs'));
tell('paths', () => here.resolve.paths('x').length > 1);
tell('extensions', () => {
  here.extensions['.txt'] = (module, name) => {
    module.exports = fs.readFileSync(name, 'utf8').length;
  };
  delete here.cache[here.resolve('./text.txt')];
  const result = here('./text.txt');
  delete here.extensions['.txt'];
  return result;
});
tell('wrap', () => Module.wrap('x').slice(0, 40));
tell('own facts', () => [
  typeof require,
  module.filename.endsWith('require.cjs'),
  path.basename(__dirname),
  require.main === module,
]);
tell('findSourceMap', () => typeof Module.findSourceMap);
tell('compile cache', () => (Module.enableCompileCache === undefined ? 'absent' : typeof Module.enableCompileCache));
tell('stripTypeScriptTypes', () => typeof Module.stripTypeScriptTypes);
fs.symlinkSync('counter.js', 'linked.js');
tell('a link is its target', () => here('./linked') === here('./counter'));
module.exports = { done: true };
