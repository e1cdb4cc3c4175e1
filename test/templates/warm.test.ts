/** Warm starts of a whole stack: what a function keeps, when its snapshot goes, and that kill -9 and damage cost time only. */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ManagementClient } from '@ebbwhisk/controller-adapter/management/client.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ActionFields, annotation } from '../e2e/client.ts';
import { type RunningStack, StackFolder, startStack } from '../e2e/stack.ts';
import { forTargets } from '../support/for-targets.ts';
import { libosTenders } from '../support/libos-targets.ts';

const counting = `let n = 0; const loaded = Date.now();
function main({ fail }) { if (fail) process.exit(1); n++; console.log('run', n);
  return { n, loaded, now: Date.now(), random: Math.random(), host: process.env.__OW_API_HOST, id: process.env.__OW_ACTIVATION_ID }; }`;

interface Counted {
  readonly n: number;
  readonly loaded: number;
  readonly now: number;
  readonly random: number;
  readonly host: string;
  readonly id: string;
}

forTargets(libosTenders, ({ tender, name }) => {
  describe(`warm starts, ${name}`, () => {
    const folder = new StackFolder();
    let stack: RunningStack;
    beforeAll(async () => {
      stack = await startStack(folder, { tender });
    });
    afterAll(async () => {
      expect(await stack.stop()).toMatchObject({ status: 0, left: [] });
      folder.remove();
    });

    const files = () => readdirSync(join(folder.data, 'snapshots')).filter((file) => file.endsWith('.snapshot'));
    const filesOf = (action: string) =>
      files().filter((file) => {
        const description = join(folder.data, 'snapshots', file.replace('.snapshot', '.json'));
        return existsSync(description) && readFileSync(description, 'utf8').includes(`"guest/${action}"`);
      });
    const captured = (count: number) => expect.poll(() => files().length).toBe(count);

    const put = (action: string, fields: ActionFields = {}) => stack.api.putAction(action, counting, fields);

    const invoke = async (action: string, parameters = {}) => {
      const { activation, status } = await stack.api.invoke(action, parameters);
      expect(status, JSON.stringify(activation.response)).toBe(200);
      const result = activation.response.result as unknown as Counted;
      return { start: annotation(activation, 'ebbStart'), ...result, activation };
    };

    /** Its VMs are gone, as after the idle time. */
    const endVms = async (action: string) => {
      const client = new ManagementClient(folder.data);
      for (const row of await client.vms())
        if (row.action === `guest/${action}` && row.id !== null) await client.kill(row.id);
    };

    it('go on where the first success ended: the state of the module stays, time and chance go on', async () => {
      await put('counting');
      const first = await invoke('counting');
      expect(first).toMatchObject({ start: 'cold', n: 1 });
      await captured(1);
      const seen = new Set([first.random]);
      for (let n = 0; n < 3; n++) {
        await endVms('counting');
        const warm = await invoke('counting');
        expect(warm).toMatchObject({ start: 'warm', n: 2, loaded: first.loaded, host: first.host });
        expect(warm.id).toBe(warm.activation.activationId);
        expect(Math.abs(Number(warm.now) - Date.now())).toBeLessThan(2_000);
        const record = await stack.api.record(warm.activation.activationId);
        expect(record.logs.map((line) => line.slice(31))).toEqual(['stdout: run 2']);
        const { faults, exits } = annotation(record, 'ebbCost') as { faults: number; exits: number };
        expect(faults).toBeGreaterThan(100);
        expect(faults).toBeLessThan(10_000);
        expect(exits).toBeGreaterThan(0);
        expect(exits).toBeLessThan(500);
        expect(Object.keys(annotation(warm.activation, 'ebbPhases') ?? {})).toEqual(['queue', 'clone', 'run']);
        seen.add(warm.random);
      }
      expect(seen.size).toBe(4);
      const [row] = (await new ManagementClient(folder.data).vms()).filter(({ action }) => action === 'guest/counting');
      expect(row).toMatchObject({ start: 'warm', origin: 'snapshot' });
      expect(statSync(join(folder.data, 'snapshots')).mode & 0o777).toBe(0o700);
      for (const file of files()) expect(statSync(join(folder.data, 'snapshots', file)).mode & 0o777).toBe(0o600);
    });

    it('do not survive an update or the deletion of the action, nor are there any that it does not want', async () => {
      for (const action of ['updated', 'deleted']) {
        await put(action);
        await invoke(action);
      }
      await put('unwanted', { annotations: [{ key: 'ebbSnapshot', value: false }] });
      await invoke('unwanted');
      await captured(3);
      await put('updated');
      await captured(2);
      expect((await stack.api.call('DELETE', 'actions/deleted')).status).toBe(200);
      await captured(1);
      expect(await invoke('updated')).toMatchObject({ start: 'cold', n: 1 });
      await captured(2);
      await endVms('unwanted');
      expect(await invoke('unwanted')).toMatchObject({ start: 'cold', n: 1 });
    });

    it('are there at once when the stack was killed and starts again', { timeout: 60_000 }, async () => {
      const before = files();
      expect(before.length).toBeGreaterThan(0);
      // In the middle of something.
      for (let n = 0; n < 8; n++) {
        await put(`busy-${n}`);
        await invoke(`busy-${n}`);
      }
      await new Promise((done) => setTimeout(done, 60));
      const { port } = stack;
      expect(await stack.kill()).toMatchObject({ left: [] });
      stack = await startStack(folder, { tender, port });
      for (const file of before) expect(existsSync(join(folder.data, 'snapshots', file))).toBe(true);
      expect(await invoke('counting')).toMatchObject({ start: 'warm', n: 2 });
      for (let n = 0; n < 8; n++) {
        const { start, n: count } = await invoke(`busy-${n}`);
        expect([
          ['cold', 1],
          ['warm', 2],
        ]).toContainEqual([start, count]);
      }
      // But for one that is just being written.
      const isWhole = (file: string) => /\.(json|snapshot)$/.test(file);
      await expect.poll(() => readdirSync(join(folder.data, 'snapshots')).filter((file) => !isWhole(file))).toEqual([]);
    });

    it('become cold ones when the file is damaged', async () => {
      await put('damaged');
      await invoke('damaged');
      await expect.poll(() => filesOf('damaged').length).toBe(1);
      const [own = ''] = filesOf('damaged');
      const path = join(folder.data, 'snapshots', own);
      const bytes = readFileSync(path);
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 16;
      writeFileSync(path, bytes);
      await endVms('damaged');
      expect(await invoke('damaged')).toMatchObject({ start: 'cold', n: 1 });
      await expect.poll(() => existsSync(path)).toBe(false);
      expect(stack.log.records()).toContainEqual(
        expect.objectContaining({ msg: 'no warm start', action: 'guest/damaged' }),
      );
    });
  });
});
