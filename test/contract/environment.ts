/** process.env of an action: from /init, from /run, and nothing of the host. */
import { describe, expect, it } from 'vitest';
import type { OpenSession } from './session.ts';

export function environmentContract(open: OpenSession): void {
  describe('environment', () => {
    it('of /init is there when the code is loaded', async () => {
      await using session = await open();
      const env = {
        TEXT: 'x',
        EMPTY: '',
        NUMBER: 5,
        TRUE: true,
        FALSE: false,
        NULL: null,
        LIST: [1, 'a'],
        MAP: { k: 'v' },
      };
      await session.init(`const seen = { ...process.env }; const main = () => seen`, { env });
      expect((await session.run()).json).toMatchObject({
        TEXT: 'x',
        EMPTY: '',
        NUMBER: '5',
        TRUE: 'true',
        FALSE: '',
        NULL: '',
        LIST: '[1,"a"]',
        MAP: '{"k":"v"}',
      });
    });

    it.each([['text'], [5], [null]])('that is no object (%j) is ignored', async (env) => {
      await using session = await open();
      expect((await session.init('const main = () => ({})', { env })).status).toBe(200);
    });

    it('of /run: every string, upper-cased, anew in every run', async () => {
      await using session = await open();
      await session.init(`function main() {
        const { __OW_API_HOST: host, __OW_NAMESPACE: namespace, __OW_ACTION_NAME: action, __OW_ACTION_VERSION: version,
          __OW_ACTIVATION_ID: id, __OW_TRANSACTION_ID: transaction, __OW_DEADLINE: deadline, __OW_API_KEY: key,
          __OW_VALUE: value, __OW_NUMBER: number } = process.env;
        return { host, namespace, action, version, id, transaction, deadline, key, value, number };
      }`);
      const context = {
        namespace: 'guest',
        action_name: '/guest/hello',
        action_version: '0.0.1',
        activation_id: '44794bd6aab74415b4e42a308d880e5b',
        transaction_id: 'abc',
        deadline: '1700000060000',
        api_key: 'a:b',
        api_host: 'http://10.0.2.2:3233',
        number: 5,
      };
      const expected = {
        host: 'http://10.0.2.2:3233',
        namespace: 'guest',
        action: '/guest/hello',
        version: '0.0.1',
        id: '44794bd6aab74415b4e42a308d880e5b',
        transaction: 'abc',
        deadline: '1700000060000',
        key: 'a:b',
      };
      expect((await session.run({}, context)).json).toEqual(expected);
      const next = { ...context, activation_id: 'f'.repeat(32), deadline: '1800000000000' };
      expect((await session.run({}, next)).json).toEqual({
        ...expected,
        id: 'f'.repeat(32),
        deadline: '1800000000000',
      });
    });

    it('of the VM is there too; nothing of the host is, nor of the runtime', async () => {
      process.env.EBBWHISK_TEST_SECRET = 'of the host';
      try {
        await using session = await open({ env: { OF_THE_VM: 'yes' } });
        await session.init('const main = () => ({ ...process.env })');
        const { json } = await session.run();
        expect(json).toMatchObject({ OF_THE_VM: 'yes' });
        expect(Object.keys(json as object).filter((name) => /^(EBB|NODE_|npm_|VITEST)/.test(name))).toEqual([]);
      } finally {
        delete process.env.EBBWHISK_TEST_SECRET;
      }
    });
  });
}
