import os from 'node:os';

const { username, homedir, uid } = os.userInfo();
export default {
  hostname: os.hostname(),
  release: os.release(),
  version: os.version(),
  cpus: os.cpus().length,
  memory: os.totalmem() / 2 ** 20,
  load: os.loadavg(),
  interfaces: Object.entries(os.networkInterfaces()).flatMap(([name, list]) =>
    list.map(({ cidr }) => `${name} ${cidr}`),
  ),
  user: [username, homedir, uid],
  pid: [process.pid, process.ppid],
  timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
};
