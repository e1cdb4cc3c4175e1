/** The OpenWhisk API end to end: real stack, real VMs, clients as users have them. */
import openwhisk from 'openwhisk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { forTargets } from '../support/for-targets.ts';
import { libosTenders } from '../support/libos-targets.ts';
import { everythingZip, expectedLines, otherAction } from './actions.ts';
import { type ActivationRecord, annotation, guestAuth, kind } from './client.ts';
import { type HostServer, startHostServer } from './host-server.ts';
import { type RunningStack, StackFolder, startStack } from './stack.ts';
import { suiteStack } from './suite-stack.ts';

const logLine = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z {7}((?:stdout|stderr): .*)$/s;

/** The lines without their times, which are checked. */
function linesOf(record: ActivationRecord): string[] {
  return record.logs.map((line) => {
    expect(line).toMatch(logLine);
    const time = Date.parse(line.slice(0, 24));
    // Clocks of host and guest are one clock; a record's times are whole milliseconds.
    expect(time).toBeGreaterThanOrEqual(record.start - 50);
    expect(time).toBeLessThanOrEqual(record.end + 50);
    return logLine.exec(line)?.[1] ?? '';
  });
}

forTargets(libosTenders, ({ name, tender }) => {
  describe(`OpenWhisk API, ${name}`, () => {
    let host: HostServer;
    const running = suiteStack(async () => {
      host = await startHostServer();
      return { tender, gatewayPorts: [host.port] };
    });
    let stack: RunningStack;
    beforeAll(async () => {
      stack = running();
      await stack.api.putAction('e2e-other', otherAction);
    });
    afterAll(() => host.close());

    describe('an action with everything', () => {
      const parameters = () => ({ port: host.port, text: 'naïve ☃', word: 'ebb' });
      const expected = (action: string) => ({
        inside: 'from inside: /own',
        outside: { status: 200, body: { url: '/host', host: `10.0.2.2:${host.port}`, body: 'naïve ☃' } },
        base64: Buffer.from('naïve ☃').toString('base64'),
        sha256: '090b6d95f29a5638955bac4d0cd4ba18e8733d26d0889afcc3d58c357847088e',
        random: expect.stringMatching(/^[0-9a-f]{32}$/),
        letters: 3,
        other: { reversed: 'bbe' },
        environment: {
          action: `/guest/${action}`,
          version: '0.0.1',
          namespace: 'guest',
          activationId: expect.stringMatching(/^[0-9a-f]{32}$/),
          hasKey: true,
          secondsLeft: expect.toSatisfy((left: number) => left > 20 && left <= 30),
        },
      });
      const fields = {
        annotations: [{ key: 'provide-api-key', value: true }],
        limits: { timeout: 30_000, memory: 256, logs: 1 },
      };

      it('works over plain HTTP, and its record tells all', async () => {
        const { api } = stack;
        const created = await api.putAction('everything', everythingZip(), fields);
        expect(created.json).toMatchObject({
          namespace: 'guest',
          name: 'everything',
          version: '0.0.1',
          exec: { kind, binary: true },
          limits: { timeout: 30_000, memory: 256, logs: 1, concurrency: 1 },
        });

        const { status, headers, activation } = await api.invoke('everything', parameters());
        expect([status, activation.response.status]).toEqual([200, 'success']);
        expect(activation.response.result).toEqual(expected('everything'));
        expect(headers['x-openwhisk-activation-id']).toBe(activation.activationId);
        // The record of the blocking answer is complete but for the logs and what the start cost.
        expect(activation.logs).toEqual([]);

        const record = await api.record(activation.activationId);
        expect(linesOf(record)).toEqual(expectedLines);
        const told = record.annotations.filter(({ key }) => key !== 'ebbCost');
        expect({ ...record, annotations: told, logs: [] }).toEqual(activation);
        expect(record).toMatchObject({ namespace: 'guest', name: 'everything', version: '0.0.1', subject: 'guest' });
        expect(record.duration).toBe(record.end - record.start);
        expect(record.response.size).toBe(JSON.stringify(record.response.result).length);
        expect(Object.fromEntries(record.annotations.map(({ key, value }) => [key, value]))).toEqual({
          limits: { timeout: 30_000, memory: 256, logs: 1, concurrency: 1 },
          path: 'guest/everything',
          kind,
          timeout: false,
          initTime: expect.any(Number),
          waitTime: expect.any(Number),
          ebbStart: 'cold',
          ebbPhases: expect.objectContaining({
            queue: expect.any(Number),
            init: expect.any(Number),
            run: expect.any(Number),
          }),
          ebbCost: expect.objectContaining({ faults: expect.any(Number) }),
        });
        expect((await api.call('GET', `activations/${activation.activationId}/logs`)).json).toEqual({
          logs: record.logs,
        });
        expect((await api.call('GET', `activations/${activation.activationId}/result`)).json).toEqual(record.response);
        expect(host.requests).toContain('POST /host');
      });

      it('works with the npm client', async () => {
        const client = openwhisk({ apihost: stack.url, api_key: guestAuth });
        const name = 'everything-npm';
        const annotations = { 'provide-api-key': true };
        await client.actions.create({ name, action: everythingZip(), kind, limits: fields.limits, annotations });
        const invoke = async () => {
          const answer = await client.actions.invoke({ name, params: parameters(), blocking: true });
          // Its VM is free again only when the logs are in, which is after the answer.
          return stack.api.record(answer.activationId);
        };
        const records = [await invoke(), await invoke()];
        for (const { response } of records) expect(response.result).toEqual(expected(name));
        expect(records.map((record) => annotation(record, 'ebbStart'))).toEqual(['cold', 'hot']);
        expect(records.map((record) => typeof annotation(record, 'initTime'))).toEqual(['number', 'undefined']);
        const [own, other] = records.map(({ response }) => response.result['random']);
        expect(own).not.toBe(other);
        const options = { name, params: parameters(), blocking: true, result: true };
        expect(await client.actions.invoke(options)).toEqual(expected(name));

        for (const record of records) {
          const { activationId } = record;
          expect(await client.activations.get({ name: activationId })).toEqual(record);
          expect(await client.activations.result({ name: activationId })).toEqual(record.response);
          expect(await client.activations.logs({ name: activationId })).toEqual({ logs: record.logs });
          expect(linesOf(record)).toEqual(expectedLines);
        }
        expect(await client.actions.list()).toContainEqual(expect.objectContaining({ name, version: '0.0.1' }));
        expect(await client.actions.delete({ name })).toMatchObject({ name });
        await expect(client.actions.get({ name })).rejects.toMatchObject({ statusCode: 404 });
      });

      it('cannot reach a port of the host that is not allowed', async () => {
        const closed = await startHostServer();
        try {
          await stack.api.putAction(
            'knocks',
            `async function main({ url }) {
            return fetch(url, { signal: AbortSignal.timeout(5000) }).then(() => ({ reached: true }), ({ cause }) => ({ code: cause?.code }));
          }`,
          );
          for (const url of [`http://10.0.2.2:${closed.port}/`, `http://127.0.0.1:${host.port}/`]) {
            const { activation } = await stack.api.invoke('knocks', { url });
            expect(activation.response.result).toEqual({
              code: expect.stringMatching(/^E(CONNREFUSED|HOSTUNREACH|NETUNREACH|ACCES)$/),
            });
          }
          expect(closed.requests).toEqual([]);
        } finally {
          await closed.close();
        }
      });
    });

    describe('numbers that JavaScript cannot hold', () => {
      const exact = '{"big":12345678901234567890,"one":1.0,"tiny":1e-400}';

      it('keep their spelling in actions', async () => {
        const pairs = `[{"key":"big","value":12345678901234567890},{"key":"one","value":1.0},{"key":"deep","value":[${exact}]}]`;
        const body = `{"exec":{"kind":"${kind}","code":"function main(p) { return p }"},"parameters":${pairs},"annotations":${pairs}}`;
        const put = await stack.api.call('PUT', 'actions/exact', body);
        const got = await stack.api.call('GET', 'actions/exact');
        const listed = await stack.api.call('GET', 'actions?limit=0');
        const updated = await stack.api.call('PUT', 'actions/exact?overwrite=true', '{"publish":true}');
        const inner = pairs.slice(1, -1);
        for (const { text } of [put, got, updated]) {
          expect(text).toContain(`"parameters":[${inner}]`);
          expect(text).toMatch(/"annotations":\[.*"key":"big","value":12345678901234567890/);
          expect(text.split(inner)).toHaveLength(3);
        }
        expect(listed.text).toContain(inner);
      });

      it('reach the VM and come back as they were written', async () => {
        // The action itself sees JavaScript numbers, so it looks at the text of its own request, and answers with JSON.rawJSON.
        const code = `const parse = JSON.parse; let request = '';
          JSON.parse = (text, reviver) => { request = String(text); return parse(text, reviver); };
          function main(parameters) {
            const number = (text) => JSON.rawJSON(text);
            return { request, seen: typeof parameters.big, back: { big: number('12345678901234567890'), one: number('1.0'), tiny: number('1e-400') } };
          }`;
        await stack.api.putAction('passes', code);
        const body = `{"exec":{"kind":"${kind}","code":${JSON.stringify(code)}},"parameters":[{"key":"bound","value":12345678901234567890}]}`;
        expect((await stack.api.call('PUT', 'actions/passes?overwrite=true', body)).status).toBe(200);
        const { text, status } = await stack.api.call('POST', 'actions/passes?blocking=true', exact);
        expect(status).toBe(200);
        const { response, activationId } = JSON.parse(text) as ActivationRecord;
        expect(response.result['seen']).toBe('number');
        expect(response.result['request']).toContain('"bound":12345678901234567890');
        for (const part of exact.slice(1, -1).split(',')) expect(response.result['request']).toContain(part);
        await stack.api.record(activationId);
        const stored = await stack.api.call('GET', `activations/${activationId}`);
        const result = await stack.api.call('GET', `activations/${activationId}/result`);
        const bare = await stack.api.call('POST', 'actions/passes?blocking=true&result=true', exact);
        for (const answer of [text, stored.text, result.text, bare.text]) expect(answer).toContain(`"back":${exact}`);
      });
    });

    it('an update replaces the code that runs, though a VM of the old one is idle', async () => {
      const { api } = stack;
      await api.putAction('updated', 'function main() { return { code: 1 }; }');
      expect((await api.invoke('updated')).activation.response.result).toEqual({ code: 1 });
      const { json } = await api.putAction('updated', 'function main() { return { code: 2 }; }');
      expect(json).toMatchObject({ version: '0.0.2' });
      const { activation } = await api.invoke('updated');
      expect(activation.response.result).toEqual({ code: 2 });
      expect(activation.version).toBe('0.0.2');
    });

    it('a deleted action is gone', async () => {
      const { api } = stack;
      await api.putAction('deleted', 'function main() { return {}; }');
      await api.invoke('deleted');
      expect((await api.call('DELETE', 'actions/deleted')).json).toMatchObject({ name: 'deleted', version: '0.0.1' });
      for (const answer of [
        await api.call('GET', 'actions/deleted'),
        await api.call('POST', 'actions/deleted?blocking=true', '{}'),
        await api.call('DELETE', 'actions/deleted'),
      ]) {
        expect(answer.status).toBe(404);
        expect(answer.json).toMatchObject({
          error: 'The requested resource does not exist.',
          code: expect.any(String),
        });
      }
      const { json } = await api.call('GET', 'actions?limit=0');
      expect((json as { name: string }[]).map((entry) => entry.name)).not.toContain('deleted');
    });

    it('activations are listed: newest first, by name, by time, counted', async () => {
      const { api } = stack;
      await api.putAction('listed', 'function main({ n }) { console.log(n); return { n }; }');
      const ids: string[] = [];
      for (const n of [1, 2, 3]) ids.unshift((await api.invoke('listed', { n })).activation.activationId);
      const records = await Promise.all(ids.map((id) => api.record(id)));
      const list = async (query: string) => (await api.call('GET', `activations?${query}`)).json as ActivationRecord[];
      const idsOf = (entries: readonly ActivationRecord[]) => entries.map(({ activationId }) => activationId);
      expect(idsOf(await list('name=listed'))).toEqual(ids);
      expect(idsOf(await list('name=listed&limit=1&skip=1'))).toEqual([ids[1]]);
      expect(idsOf(await list('limit=3'))).toEqual(ids);
      expect(idsOf(await list(`name=listed&since=${records[1]?.start}`))).toEqual(ids.slice(0, 2));
      expect(await list('name=listed&docs=true')).toEqual(records);
      expect((await list('name=listed&limit=1'))[0]).toMatchObject({ statusCode: 0, duration: records[0]?.duration });
      expect(await list('name=listed&count=true')).toEqual({ activations: 3 });
    });

    it('a non-blocking invocation is answered at once and runs', async () => {
      const { api } = stack;
      await api.putAction(
        'later',
        'async function main() { await new Promise((done) => setTimeout(done, 300)); return { late: true }; }',
      );
      const { status, json } = await api.call('POST', 'actions/later', '{}');
      expect(status).toBe(202);
      const { activationId } = json as { activationId: string };
      expect((await api.call('GET', `activations/${activationId}`)).status).toBe(404);
      expect((await api.record(activationId)).response).toMatchObject({ success: true, result: { late: true } });
    });
  });

  describe(`kill -9 of the stack, ${name}`, () => {
    it('loses nothing that was acknowledged and leaves no process', async () => {
      const folder = new StackFolder();
      try {
        const first = await startStack(folder, { tender });
        await first.api.putAction('survivor', 'function main({ n }) { console.log("n is", n); return { n }; }', {
          parameters: [{ key: 'n', value: 7 }],
        });
        const { activation } = await first.api.invoke('survivor');
        const record = await first.api.record(activation.activationId);
        // One VM is idle, another one busy for good.
        await first.api.putAction('busy', 'function main() { for (;;); }');
        expect((await first.api.call('POST', 'actions/busy', '{}')).status).toBe(202);
        await expect.poll(() => first.tenders().length, { timeout: 10_000 }).toBe(2);
        expect(await first.kill()).toEqual({ status: null, signal: 'SIGKILL', left: [] });

        const second = await startStack(folder, { tender });
        expect(await second.api.record(activation.activationId)).toEqual(record);
        expect((await second.api.call('GET', 'actions/survivor')).json).toMatchObject({
          version: '0.0.1',
          parameters: [{ key: 'n', value: 7 }],
        });
        expect((await second.api.invoke('survivor')).activation.response.result).toEqual({ n: 7 });
        expect(await second.stop()).toMatchObject({ status: 0 });
      } finally {
        folder.remove();
      }
    });
  });
});
