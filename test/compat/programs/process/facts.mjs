import path from 'node:path';
import { tellSync } from '../support/tell.mjs';

const types = (value) => Object.fromEntries(Object.entries(value).map(([name, field]) => [name, typeof field]));
tellSync('cwd', () => path.basename(process.cwd()).replace(/-\w{6}$/, ''));
tellSync('chdir', () => {
  const before = process.cwd();
  process.chdir('..');
  const up = path.relative(process.cwd(), before).startsWith('compat-');
  process.chdir(before);
  return up && process.cwd() === before;
});
tellSync('chdir to nothing', () => {
  try {
    process.chdir('missing');
  } catch ({ code, syscall }) {
    return [code, syscall];
  }
});
tellSync('platform', () => [process.platform, process.arch, process.version, process.release.name]);
tellSync('versions', () => process.versions);
tellSync('features', () => types(process.features));
tellSync('uptime', () => process.uptime() > 0 && process.uptime() < 600);
tellSync('hrtime', () => {
  const start = process.hrtime();
  const [seconds, nanoseconds] = process.hrtime(start);
  return [seconds, nanoseconds > 0, typeof process.hrtime.bigint()];
});
tellSync('hrtime advances', () => {
  let last = process.hrtime.bigint();
  for (let i = 0; i < 10_000; i += 1) {
    const now = process.hrtime.bigint();
    if (now < last) return 'backwards';
    last = now;
  }
  return true;
});
tellSync('memoryUsage', () => types(process.memoryUsage()));
tellSync('memory is plausible', () => {
  const { rss, heapTotal, heapUsed } = process.memoryUsage();
  return [heapUsed <= heapTotal, rss > 20e6, process.memoryUsage.rss() > 20e6];
});
tellSync('constrainedMemory', () => typeof process.constrainedMemory());
tellSync('availableMemory', () => process.availableMemory?.() > 0);
tellSync('resourceUsage', () => types(process.resourceUsage()));
tellSync('cpuUsage', () => {
  const before = process.cpuUsage();
  const until = performance.now() + 60;
  let x = 0;
  while (performance.now() < until) x += Math.sqrt(x + 1);
  const { user, system } = process.cpuUsage(before);
  return user + system > 5000;
});
tellSync('maxRSS', () => process.resourceUsage().maxRSS > 20_000);
tellSync('ids', () => [
  process.pid > 0,
  process.ppid >= 0,
  typeof process.getuid(),
  typeof process.getegid(),
  process.getgroups().length >= 0,
]);
tellSync('title', () => typeof process.title);
tellSync('argv', () => [process.argv.length, process.argv0.length > 0, process.execArgv.length >= 0]);
tellSync('execPath', () => path.basename(process.execPath));
tellSync('env', () => {
  process.env.COMPAT_TEST = 12;
  const there = [
    process.env.COMPAT_TEST,
    'COMPAT_TEST' in process.env,
    Object.keys(process.env).includes('COMPAT_TEST'),
  ];
  delete process.env.COMPAT_TEST;
  return [...there, process.env.COMPAT_TEST];
});
tellSync('config', () => typeof process.config.variables);
tellSync('kill 0', () => process.kill(process.pid, 0));
tellSync('kill of nobody', () => process.kill(2 ** 22 + 5, 0));
tellSync('unknown signal', () => process.kill(process.pid, 'SIGNOPE'));
tellSync('umask', () => typeof process.umask());
tellSync('active resources', () => Array.isArray(process.getActiveResourcesInfo()));
tellSync('allowedNodeEnvironmentFlags', () => process.allowedNodeEnvironmentFlags.has('--max-old-space-size'));
tellSync('report', () => typeof process.report.getReport().header.nodejsVersion);
tellSync('binding', () => typeof process.emitWarning);
tellSync('its own identity', () => {
  process.setuid(process.getuid());
  process.setgid(process.getgid());
  process.seteuid(process.geteuid());
  process.setegid(process.getegid());
  return 'kept';
});
