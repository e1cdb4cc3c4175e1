/**
 * Packages of the distribution. Root on a Debian has them installed; anybody else is told the one line to run. On other
 * distributions nothing is checked here: the compiler's and CMake's own errors name what is missing.
 */
import { spawnSync } from 'node:child_process';
import { root } from '../paths.mjs';
import { run, SetupError } from '../processes.mjs';
import { timed } from './progress.mjs';

/** What the Node binaries are linked against: libatomic from Node 26 on. */
export const runtimePackages = ['libstdc++6', 'libatomic1'];

/** What the native build needs. */
export const buildPackages = ['g++', 'cmake', 'ninja-build', 'pkg-config', 'libseccomp-dev', 'libgtest-dev'];

/** @param {readonly string[]} packages */
export async function ensureDebianPackages(packages) {
  const missing = missingPackages(packages);
  if (missing.length === 0) return;
  const install = ['install', '-y', '--no-install-recommends', ...missing];
  if (process.getuid?.() !== 0) {
    throw new SetupError(`Debian packages are missing; install them with: sudo apt-get ${install.join(' ')}`);
  }
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // Waiting for the lock: a fresh machine often runs its own first update at this very time.
  const options = ['-q', '-o', 'DPkg::Lock::Timeout=300'];
  await timed(`Debian packages ${missing.join(' ')}`, async () => {
    await run('apt-get', [...options, 'update'], { cwd: root, env });
    await run('apt-get', [...options, ...install], { cwd: root, env });
  });
}

/**
 * @param {readonly string[]} packages
 * @returns {string[]} those not installed; none where there is no dpkg
 */
function missingPackages(packages) {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the fields of dpkg-query look like ours
  const format = '${Package} ${db:Status-Status}\n';
  const query = spawnSync('dpkg-query', ['-W', '-f', format, ...packages], { encoding: 'utf8' });
  if (query.error !== undefined) return [];
  const installed = new Set(query.stdout.split('\n').filter((line) => line.endsWith(' installed')));
  return packages.filter((name) => !installed.has(`${name} installed`));
}
