/**
 * Who may use the API: subjects and their namespaces, from a JSON file and OpenWhisk's stock guest. A namespace is one
 * pair of uuid and key; the key is compared in constant time. Left out: several keys for one namespace, changing users
 * while running.
 */

import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import type { Identity } from '@ebbwhisk/invoker/protocol/messages.ts';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { isEntityName } from '../entity/names.ts';
import { SetupError } from '../errors.ts';

const Count = Type.Integer({ minimum: 0 });

/** Limits of one namespace; what is absent is the system's. Memory and logs in MiB, time in milliseconds, sizes in bytes. */
const UserLimitsSchema = Type.Object(
  {
    invocationsPerMinute: Type.Optional(Count),
    concurrentInvocations: Type.Optional(Count),
    firesPerMinute: Type.Optional(Count),
    allowedKinds: Type.Optional(Type.Array(Type.String())),
    storeActivations: Type.Optional(Type.Boolean()),
    minActionMemory: Type.Optional(Count),
    maxActionMemory: Type.Optional(Count),
    minActionLogs: Type.Optional(Count),
    maxActionLogs: Type.Optional(Count),
    minActionTimeout: Type.Optional(Count),
    maxActionTimeout: Type.Optional(Count),
    minActionConcurrency: Type.Optional(Count),
    maxActionConcurrency: Type.Optional(Count),
    maxParameterSize: Type.Optional(Count),
    maxPayloadSize: Type.Optional(Count),
  },
  { additionalProperties: false },
);
export type UserLimits = Static<typeof UserLimitsSchema>;

const UsersFileSchema = Type.Object(
  {
    /** False takes the stock guest, whose key is public, away. */
    guest: Type.Optional(Type.Boolean()),
    subjects: Type.Array(
      Type.Object(
        {
          subject: Type.String({ minLength: 5 }),
          blocked: Type.Optional(Type.Boolean()),
          namespaces: Type.Array(
            Type.Object(
              {
                name: Type.String(),
                uuid: Type.String({ pattern: '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' }),
                key: Type.String({ pattern: '^[A-Za-z0-9]{64}$' }),
                limits: Type.Optional(UserLimitsSchema),
              },
              { additionalProperties: false },
            ),
          ),
        },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
);
export type UsersFile = Static<typeof UsersFileSchema>;

const usersFile = Compile(UsersFileSchema);

/** The public guest of OpenWhisk's standalone server and of its default deployment. */
export const guest = {
  subject: 'guest',
  namespace: 'guest',
  uuid: '23bc46b1-71f6-4ed5-8c54-816aa4f8c502',
  key: '123zO3xZCLrMN6v2BKK1dXYFpXlPkccOFqm12CdAsMgRU4VrNZ9lyGVCGuMDGIwP',
} as const;

/** An authenticated caller: the identity that travels in messages, and its limits typed. */
export interface User {
  readonly identity: Identity;
  readonly namespace: string;
  readonly limits: UserLimits;
}

interface Entry {
  readonly user: User;
  readonly keyHash: Buffer;
  readonly blocked: boolean;
}

export class Users {
  readonly #byUuid = new Map<string, Entry>();
  readonly hasGuest: boolean;

  /** Throws SetupError USERS_FILE_INVALID for names or uuids that are illegal or used twice. */
  constructor(file: UsersFile = { subjects: [] }) {
    const own = file.subjects.some((each) => each.namespaces.some(({ name }) => name === guest.namespace));
    this.hasGuest = file.guest !== false && !own;
    const namespaces = new Set<string>();
    const subjects: UsersFile['subjects'] = this.hasGuest
      ? [{ subject: guest.subject, namespaces: [{ name: guest.namespace, uuid: guest.uuid, key: guest.key }] }]
      : [];
    for (const { subject, blocked = false, namespaces: list } of [...subjects, ...file.subjects]) {
      for (const { name, uuid, key, limits = {} } of list) {
        if (!isEntityName(name) || name === '_') throw invalid(`The namespace name '${name}' is not legal.`);
        if (namespaces.has(name)) throw invalid(`The namespace '${name}' stands twice.`);
        if (this.#byUuid.has(uuid)) throw invalid(`The uuid of the namespace '${name}' stands twice.`);
        namespaces.add(name);
        const identity: Identity = {
          subject,
          namespace: { name, uuid },
          authkey: { api_key: `${uuid}:${key}` },
          rights: ['READ', 'PUT', 'DELETE', 'ACTIVATE'],
          limits: wireLimits(limits),
        };
        this.#byUuid.set(uuid, { user: { identity, namespace: name, limits }, keyHash: hash(key), blocked });
      }
    }
  }

  /** The user behind `uuid:key`, or undefined. Takes the same time for a wrong key whatever it shares with the right one. */
  authenticate(uuid: string, key: string): User | undefined {
    const entry = this.#byUuid.get(uuid);
    const equal = timingSafeEqual(hash(key), entry?.keyHash ?? nobody);
    return equal && entry !== undefined && !entry.blocked ? entry.user : undefined;
  }
}

/** As they travel in messages: sizes are texts with a unit there. */
function wireLimits(limits: UserLimits): Identity['limits'] {
  const { maxParameterSize, maxPayloadSize, ...rest } = limits;
  return {
    ...rest,
    ...(maxParameterSize === undefined ? {} : { maxParameterSize: `${maxParameterSize} B` }),
    ...(maxPayloadSize === undefined ? {} : { maxPayloadSize: `${maxPayloadSize} B` }),
  };
}

const nobody = Buffer.alloc(32);

function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function invalid(detail: string, options?: ErrorOptions): SetupError {
  return new SetupError('USERS_FILE_INVALID', detail, options);
}

/** Reads a users file. `warn` hears of what is legal but unwise. */
export async function loadUsers(path: string, warn: (text: string) => void): Promise<Users> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, 'utf8'));
    const { mode } = await stat(path);
    if ((mode & 0o077) !== 0) warn(`${path} holds keys and is open to other users of this machine: chmod 600 ${path}`);
  } catch (error) {
    throw invalid(`${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  if (!usersFile.Check(json)) {
    const [first] = usersFile.Errors(json);
    throw invalid(`${path}: ${first === undefined ? '' : `${first.instancePath || '/'} ${first.message}`}`);
  }
  return new Users(json);
}
