/** What the API tells of itself: /ping, the root info, the version info, the caller's namespaces and limits. */

import type { Json } from '@ebbwhisk/invoker/protocol/json.ts';
import { limitRanges } from '../entity/limits.ts';
import type { ControllerSettings } from '../settings.ts';
import { sendJson } from './reply.ts';
import { ownNamespace, userOf } from './request.ts';
import { apiBase, type Route } from './routes.ts';

export interface BuildInfo {
  /** Date or name of the build. */
  readonly build: string;
  readonly buildNumber: string;
}

/** Told where no limit is set: clients read a 32-bit number. */
const kUnlimited = 0x7fff_ffff;

export function infoRoutes(settings: ControllerSettings, build: BuildInfo): Route[] {
  return [
    {
      paths: ['/ping'],
      open: true,
      methods: { GET: (_, reply) => reply.type('text/plain; charset=UTF-8').send('pong') },
    },
    { paths: ['/'], open: true, methods: { GET: (_, reply) => sendJson(reply, 200, rootInfo(settings)) } },
    {
      paths: [apiBase, `${apiBase}/`],
      open: true,
      methods: { GET: (_, reply) => sendJson(reply, 200, versionInfo(build)) },
    },
    {
      paths: [`${apiBase}/namespaces`, `${apiBase}/namespaces/`],
      methods: { GET: (request, reply) => sendJson(reply, 200, [userOf(request).namespace]) },
    },
    {
      paths: [`${apiBase}/namespaces/:ns/limits`, `${apiBase}/namespaces/:ns/limits/`],
      methods: {
        GET: (request, reply) => {
          ownNamespace(request);
          return sendJson(reply, 200, userLimits(settings, userOf(request).limits));
        },
      },
    },
  ];
}

function rootInfo(settings: ControllerSettings): Json {
  const { throttles, timeoutMs, memoryMb, logsMb } = settings;
  const kMb = 1024 * 1024;
  const range = (name: string, { min, max }: { min: number; max: number }, unit: number) => ({
    [`default_min_${name}`]: min * unit,
    [`default_max_${name}`]: max * unit,
    [`min_${name}`]: min * unit,
    [`max_${name}`]: max * unit,
  });
  return {
    description: 'OpenWhisk',
    support: { github: 'https://github.com/apache/openwhisk/issues', slack: 'http://slack.openwhisk.org' },
    api_paths: [apiBase],
    limits: {
      actions_per_minute: throttles?.invocationsPerMinute ?? kUnlimited,
      triggers_per_minute: throttles?.firesPerMinute ?? kUnlimited,
      concurrent_actions: throttles?.concurrentInvocations ?? kUnlimited,
      sequence_length: settings.sequenceLength,
      ...range('action_duration', timeoutMs, 1),
      ...range('action_memory', memoryMb, kMb),
      ...range('action_logs', logsMb, kMb),
    },
    runtimes: {
      nodejs: settings.kinds.map((kind) => ({
        kind,
        image: `ebbwhisk/${kind}`,
        deprecated: false,
        default: kind === settings.defaultKind,
        attached: true,
        requireMain: false,
      })),
    },
  };
}

function versionInfo({ build, buildNumber }: BuildInfo): Json {
  return {
    description: 'OpenWhisk API',
    api_version: '1.0.0',
    api_version_path: 'v1',
    build,
    buildno: buildNumber,
    swagger_paths: { ui: '/docs', 'api-docs': '/api-docs' },
  };
}

function userLimits(settings: ControllerSettings, user: ReturnType<typeof userOf>['limits']): Json {
  const ranges = limitRanges(settings, user);
  const { throttles } = settings;
  const concurrent = user.concurrentInvocations ?? throttles?.concurrentInvocations ?? kUnlimited;
  return {
    invocationsPerMinute: user.invocationsPerMinute ?? throttles?.invocationsPerMinute ?? kUnlimited,
    concurrentInvocations: concurrent,
    firesPerMinute: user.firesPerMinute ?? throttles?.firesPerMinute ?? kUnlimited,
    minActionMemory: ranges.memory.min,
    maxActionMemory: ranges.memory.max,
    minActionLogs: ranges.logs.min,
    maxActionLogs: ranges.logs.max,
    minActionTimeout: ranges.timeout.min,
    maxActionTimeout: ranges.timeout.max,
    minActionConcurrency: ranges.concurrency.min,
    maxActionConcurrency: ranges.concurrency.max,
    maxParameterSize: `${Math.min(settings.parameterBytes, user.maxParameterSize ?? settings.parameterBytes)} B`,
    maxActionInstances: concurrent,
    ...(user.allowedKinds === undefined ? {} : { allowedKinds: user.allowedKinds }),
    ...(user.storeActivations === undefined ? {} : { storeActivations: user.storeActivations }),
  };
}
