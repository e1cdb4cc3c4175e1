import child from 'node:child_process';
import cluster from 'node:cluster';

const facts = ({ code, syscall, message }) => [code, syscall, message];
/** What a call throws, or what its error event or callback tells. */
const failure = (start) =>
  new Promise((resolve) => {
    try {
      start((error) => resolve(['told', ...facts(error)]))?.on('error', (error) => resolve(['told', ...facts(error)]));
    } catch (error) {
      resolve(['thrown', ...facts(error)]);
    }
  });
const { error, status, pid } = child.spawnSync('ls');
export default {
  spawn: await failure(() => child.spawn('ls', ['-l'])),
  fork: await failure(() => child.fork('other.js')),
  exec: await failure((done) => child.exec('ls', done)),
  execFile: await failure((done) => child.execFile('/bin/ls', done)),
  spawnSync: [...facts(error), status, pid],
  execSync: await failure(() => child.execSync('ls', { stdio: 'pipe' })),
  execFileSync: await failure(() => child.execFileSync('ls')),
  cluster: await failure(() => cluster.fork()),
};
