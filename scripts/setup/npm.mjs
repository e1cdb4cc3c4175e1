/**
 * npm dependencies, when package-lock.json or any package.json differs from what was installed last.
 *
 * A fresh checkout gets `npm ci`, exactly the lock. A checkout that has node_modules gets `npm install`: it changes only
 * what differs, where `npm ci` would delete the folder under programs that are running from it, this one included.
 */
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { binaries, modules, projectNode, root } from '../paths.mjs';
import { run } from '../processes.mjs';
import { timed } from './progress.mjs';

const stampFile = join(modules, '.ebbwhisk-installed');

export async function ensureNpmPackages() {
  await installPackages();
  linkProjectNode();
}

/** Several packages bring a `node` (one per action kind), and npm links any of them. The project's is the one. */
function linkProjectNode() {
  const link = join(binaries, 'node');
  const target = relative(binaries, projectNode);
  const isLink = lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  if (isLink && readlinkSync(link) === target) return;
  rmSync(link, { force: true });
  symlinkSync(target, link);
}

async function installPackages() {
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === fingerprint()) return;
  const fresh = !existsSync(modules);
  await timed(fresh ? 'npm packages (the first time takes a minute)' : 'npm packages', async () => {
    await npm([fresh ? 'ci' : 'install', '--loglevel=error']);
    writeFileSync(stampFile, fingerprint());
  });
}

/** @param {readonly string[]} args */
async function npm(args) {
  // npm runs on the Node that started it, not on the one inside node_modules that it may be about to replace.
  const { npm_execpath: cli, npm_node_execpath: node } = process.env;
  const path = (process.env.PATH ?? '')
    .split(':')
    .filter((folder) => folder !== binaries)
    .join(':');
  const options = { cwd: root, env: { ...process.env, PATH: path } };
  if (cli !== undefined && node !== undefined && existsSync(cli) && existsSync(node)) {
    await run(node, [cli, ...args], options);
  } else {
    await run('npm', args, options);
  }
}

function fingerprint() {
  const manifest = /** @type {{ workspaces: string[] }} */ (
    JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  );
  const files = ['package.json', 'package-lock.json', ...manifest.workspaces.map((name) => join(name, 'package.json'))];
  const hash = createHash('sha256');
  for (const file of files) hash.update(`${file}\n`).update(readFileSync(join(root, file)));
  return `${hash.digest('hex')}\n`;
}
