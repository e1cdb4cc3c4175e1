import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { guest, loadUsers, Users } from './users.ts';

let dir: string;
const warnings: string[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ebbwhisk-users-'));
  warnings.length = 0;
});
afterEach(() => rmSync(dir, { recursive: true }));

const alice = {
  name: 'alice',
  uuid: '11111111-2222-3333-4444-555555555555',
  key: 'A1'.repeat(32),
};

function load(content: unknown, mode = 0o600): Promise<Users> {
  const path = join(dir, 'users.json');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  chmodSync(path, mode);
  return loadUsers(path, (text) => warnings.push(text));
}

describe('users', () => {
  it('are the stock guest when there is no file', () => {
    const users = new Users();
    expect(users.hasGuest).toBe(true);
    expect(users.authenticate(guest.uuid, guest.key)?.namespace).toBe('guest');
    expect(users.authenticate(guest.uuid, `${guest.key} `)).toBeUndefined();
    expect(users.authenticate('unknown', guest.key)).toBeUndefined();
  });

  it('come from a file beside the guest, with limits', async () => {
    const users = await load({
      subjects: [
        { subject: 'alice', namespaces: [{ ...alice, limits: { maxActionMemory: 512, maxPayloadSize: 1000 } }] },
      ],
    });
    const user = users.authenticate(alice.uuid, alice.key);
    expect(user?.limits.maxActionMemory).toBe(512);
    expect(user?.identity).toEqual({
      subject: 'alice',
      namespace: { name: 'alice', uuid: alice.uuid },
      authkey: { api_key: `${alice.uuid}:${alice.key}` },
      rights: ['READ', 'PUT', 'DELETE', 'ACTIVATE'],
      limits: { maxActionMemory: 512, maxPayloadSize: '1000 B' },
    });
    expect(users.authenticate(guest.uuid, guest.key)).toBeDefined();
    expect(users.authenticate(alice.uuid, guest.key)).toBeUndefined();
    expect(warnings).toEqual([]);
  });

  it('may leave the guest out, or define it anew', async () => {
    const without = await load({ guest: false, subjects: [] });
    expect(without.authenticate(guest.uuid, guest.key)).toBeUndefined();
    const anew = await load({ subjects: [{ subject: 'guest', namespaces: [{ ...alice, name: 'guest' }] }] });
    expect([anew.hasGuest, anew.authenticate(guest.uuid, guest.key)]).toEqual([false, undefined]);
    expect(anew.authenticate(alice.uuid, alice.key)?.namespace).toBe('guest');
  });

  it('that are blocked stay out', async () => {
    const users = await load({ subjects: [{ subject: 'alice', blocked: true, namespaces: [alice] }] });
    expect(users.authenticate(alice.uuid, alice.key)).toBeUndefined();
  });

  it('in a file that others can read are warned of', async () => {
    await load({ subjects: [] }, 0o644);
    expect(warnings).toEqual([expect.stringContaining('chmod 600')]);
  });

  const subjects = (...namespaces: object[]) => ({ subjects: [{ subject: 'alice', namespaces }] });
  it.each<[string, unknown]>([
    ['broken JSON', '{'],
    ['no subjects', {}],
    ['a short subject', { subjects: [{ subject: 'al', namespaces: [] }] }],
    ['a key of the wrong length', subjects({ ...alice, key: 'short' })],
    ['a uuid that is none', subjects({ ...alice, uuid: 'x' })],
    ['an illegal namespace', subjects({ ...alice, name: 'a/b' })],
    ['the default namespace', subjects({ ...alice, name: '_' })],
    ['a namespace twice', subjects(alice, { ...alice, uuid: alice.uuid.replace('1', '2') })],
    ['a uuid twice', subjects(alice, { ...alice, name: 'bob' })],
    ['an unknown limit', subjects({ ...alice, limits: { memory: 1 } })],
    ['a limit as text', subjects({ ...alice, limits: { maxActionMemory: '512 MB' } })],
  ])('are refused with %s', async (_, content) => {
    await expect(load(content)).rejects.toMatchObject({ code: 'USERS_FILE_INVALID' });
  });

  it('need the file', async () => {
    await expect(loadUsers(join(dir, 'none'), () => {})).rejects.toMatchObject({ code: 'USERS_FILE_INVALID' });
  });
});
