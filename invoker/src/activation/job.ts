/** One activation on its way through the invoker: the message, the action it asks for, and what is derived from both. */

import type { ExecutableAction } from '../actions/executable-action.ts';
import type { VmSpec } from '../pool.ts';
import type { Json } from '../protocol/json.ts';
import { stringifyJson } from '../protocol/json.ts';
import { type ActivationMessage, fqnDocId } from '../protocol/messages.ts';
import { isJsonObject } from '../protocol/schema.ts';
import { transidMeta } from '../protocol/transid.ts';
import { snapshotKey } from '../snapshots/snapshot-key.ts';

type JsonObject = { [key: string]: Json };

export interface Job {
  readonly message: ActivationMessage;
  readonly action: ExecutableAction;
}

export function vmSpec({ message, action }: Job, apiHost: string): VmSpec {
  const { limits, kind } = action;
  // What initBody() makes of the message and the invoker, but for what /run sets again.
  const { env } = splitArguments(message);
  const others = { kind, memory: limits.memory, concurrent: limits.concurrency > 1, apiHost, env: stringifyJson(env) };
  return {
    group: `${message.user.namespace.name} ${action.id}`,
    namespace: message.user.namespace.name,
    action: action.id,
    revision: action.revision,
    kind: action.kind,
    ...(action.snapshots
      ? { snapshot: snapshotKey(message.user.namespace.name, action.id, action.revision, others) }
      : {}),
    ...(action.isLongText ? { codeKey: `${message.user.namespace.name} ${action.id} ${action.revision}` } : {}),
    ...(action.isLarge ? { isLarge: true } : {}),
    memoryMb: limits.memory,
    concurrency: limits.concurrency,
    logsMb: limits.logs,
    ...(action.cpuQuotaPercent === undefined ? {} : { cpuQuotaPercent: action.cpuQuotaPercent }),
  };
}

/**
 * The body of POST /init: the action with its init parameters and the activation's context as environment. What a container would have
 * from its start is among it, so that VMs of all actions can be clones of one template.
 */
export function initBody(job: Job, now: number, apiHost: string): string {
  const env: JsonObject = splitArguments(job.message).env;
  env['__OW_API_HOST'] = apiHost;
  if (job.action.limits.concurrency > 1) env['__OW_ALLOW_CONCURRENT'] = 'true';
  for (const [key, value] of Object.entries(context(job, now))) env[`__OW_${key.toUpperCase()}`] = value;
  return job.action.initBody(env);
}

/** The body of POST /run. */
export function runBody(job: Job, now: number): string {
  return stringifyJson({ ...context(job, now), value: splitArguments(job.message).args });
}

/** What /run gets beside the arguments, and /init as `__OW_*`. */
function context({ message, action }: Job, now: number): JsonObject {
  return {
    ...(action.provideApiKey ? message.user.authkey : {}),
    namespace: message.user.namespace.name,
    action_name: `/${fqnDocId(message.action)}`,
    action_version: message.action.version ?? action.version,
    activation_id: message.activationId,
    transaction_id: transidMeta(message.transid).id,
    deadline: String(now + action.limits.timeout),
  };
}

/** Parameters marked for /init leave the arguments and become its environment. */
function splitArguments({ content, initArgs }: ActivationMessage): { env: JsonObject; args: Json } {
  if (content === undefined) return { env: {}, args: {} };
  if (!isJsonObject(content) || initArgs === undefined || initArgs.length === 0) return { env: {}, args: content };
  const isInit = new Set(initArgs);
  const entries = Object.entries(content);
  // Object.fromEntries defines properties; assignment would call the setter of a parameter named __proto__.
  return {
    env: Object.fromEntries(entries.filter(([key]) => isInit.has(key))),
    args: Object.fromEntries(entries.filter(([key]) => !isInit.has(key))),
  };
}
