/** What an action meets at each limit of its VM: an error that it can catch, and a VM that goes on when it gives back what it took. */
import { createServer, type Server, type Socket } from 'node:net';
import type { BootVm } from '@ebbwhisk/libos-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFiles } from '../e2e/processes.ts';
import { runAction } from '../guest/run-action.ts';
import { forTargets } from '../support/for-targets.ts';
import { libosTenders } from '../support/libos-targets.ts';

const memoryMb = 128;
/** Defaults of ebbtender, see docs/limits.md. */
const maxSockets = 384;
const maxPorts = 64;

/** A server on the host's loopback that takes whatever comes. */
class Sink {
  readonly sockets = new Set<Socket>();
  readonly #server: Server = createServer((socket) => {
    this.sockets.add(socket);
    socket
      .on('error', () => {})
      .on('close', () => this.sockets.delete(socket))
      .resume();
  });

  async listen(): Promise<number> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', 4096, done));
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.#server.close();
  }
}

forTargets(libosTenders, ({ name, boot }) => {
  describe(`limits, ${name}`, () => {
    const sink = new Sink();
    let port = 0;
    beforeAll(async () => {
      port = await sink.listen();
    });
    afterAll(() => sink.close());

    async function resultOf(body: string, bootVm: BootVm = boot): Promise<unknown> {
      const { run, exit, stderr } = await runAction(bootVm, `async function main(p) { ${body} }`, {
        memoryMb,
        gatewayPorts: [port],
        parameters: { port },
      });
      expect(exit, stderr).toBeUndefined();
      return run?.body;
    }

    it('files: EMFILE, and room again once some are closed', async () => {
      const result = (await resultOf(`
        const fs = require('fs');
        const open = () => { const fds = []; try { for (;;) fds.push(fs.openSync('/dev/null')); } catch (error) { return { fds, code: error.code }; } };
        const first = open();
        for (const fd of first.fds.splice(0)) fs.closeSync(fd);
        const { fds, code } = open();
        for (const fd of fds) fs.closeSync(fd);
        return { first: first.code, code, count: fds.length };`)) as { count: number };
      expect(result).toMatchObject({ first: 'EMFILE', code: 'EMFILE' });
      expect(result.count).toBeGreaterThan(65_000);
      expect(result.count).toBeLessThan(65_536);
    });

    it('file system: ENOSPC for content and for names, and room again once they are removed', async () => {
      const result = (await resultOf(`
        const fs = require('fs');
        const fill = () => { let bytes = 0; const chunk = Buffer.alloc(1 << 20, 1); const fd = fs.openSync('/tmp/full', 'w');
          try { for (;;) bytes += fs.writeSync(fd, chunk); } catch (error) { return { bytes, code: error.code }; } finally { fs.closeSync(fd); } };
        const first = fill();
        const another = (() => { try { fs.writeFileSync('/tmp/other', Buffer.alloc(1 << 20)); } catch (error) { return error.code; } })();
        fs.rmSync('/tmp/other', { force: true });
        fs.rmSync('/tmp/full');
        const second = fill();
        fs.rmSync('/tmp/full');
        let names = 0;
        const code = (() => { try { for (;; names++) fs.mkdirSync('/tmp/' + names); } catch (error) { return error.code; } })();
        return { first, another, second, names, code };`)) as Record<'first' | 'second', { bytes: number }> & {
        names: number;
      };
      expect(result).toMatchObject({
        first: { code: 'ENOSPC' },
        another: 'ENOSPC',
        second: { code: 'ENOSPC' },
        code: 'ENOSPC',
      });
      // Half of the memory is for files; the image's own changes take some of it.
      expect(result.first.bytes).toBeGreaterThan((memoryMb / 2 - 2) << 20);
      expect(result.first.bytes).toBeLessThanOrEqual((memoryMb / 2) << 20);
      expect(result.second.bytes).toBeGreaterThan((memoryMb / 2 - 2) << 20);
      expect(result.names).toBeGreaterThan(10_000);
    });

    it('sockets: ENFILE for connections beyond the limit, and the host holds no more', {
      timeout: 40_000,
    }, async () => {
      let tender = 0;
      let mostFiles = 0;
      const watched: BootVm = async (options) => {
        const vm = await boot(options);
        tender = (await vm.stats()).pids[0] ?? 0;
        return vm;
      };
      const timer = setInterval(() => {
        mostFiles = Math.max(mostFiles, openFiles(tender).length);
      }, 50);
      const result = await resultOf(
        `
        const net = require('net');
        const connect = () => new Promise((done) => { const s = net.connect(p.port, '10.0.2.2', () => done(s)).on('error', (error) => done(error.code)); });
        const round = async () => { const all = await Promise.all(Array.from({ length: ${maxSockets + 100} }, connect));
          const open = all.filter((s) => typeof s !== 'string');
          await new Promise((done) => setTimeout(done, 200));
          await Promise.all(open.map((s) => new Promise((done) => s.on('close', done).destroy())));
          return { open: open.length, codes: [...new Set(all.filter((s) => typeof s === 'string'))] }; };
        const first = await round();
        await new Promise((done) => setTimeout(done, 200));
        return { first, second: await round() };`,
        watched,
      );
      clearInterval(timer);
      const rounds = result as Record<'first' | 'second', { open: number; codes: string[] }>;
      for (const { open, codes } of [rounds.first, rounds.second]) {
        expect(codes).toEqual(['ENFILE']);
        expect(open).toBeGreaterThan(maxSockets - 20);
        expect(open).toBeLessThan(maxSockets);
      }
      expect(mostFiles).toBeGreaterThan(maxSockets - 20);
      expect(mostFiles).toBeLessThan(maxSockets + 40);
    });

    it('listening ports: an error beyond those that the host is told of', async () => {
      const result = (await resultOf(`
        const net = require('net');
        const servers = [], codes = new Set();
        for (let n = 0; n < ${2 * maxPorts}; n++) {
          const server = net.createServer();
          const code = await new Promise((done) => server.once('error', (error) => done(error.code)).listen(20_000 + n, '0.0.0.0', () => done()));
          if (code === undefined) servers.push(server); else codes.add(code);
        }
        // Inside the VM they all work.
        const reached = await new Promise((done) => net.connect(servers.at(-1).address().port, '127.0.0.1', () => done(true)).on('error', (error) => done(error.code)));
        for (const server of servers) server.close();
        return { count: servers.length, codes: [...codes], reached };`)) as { count: number };
      expect(result).toEqual({ count: 2 * maxPorts, codes: [], reached: true });
    });
  });
});
