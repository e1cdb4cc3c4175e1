/** The limits of an action, as sent (each optional), as stored (all set), and the ranges they must lie in. */

import type { Json } from '@ebbwhisk/invoker/protocol/json.ts';
import type { UserLimits } from '../auth/users.ts';
import { apiError } from '../errors.ts';
import type { ControllerSettings, Range } from '../settings.ts';
import { isJsonObject, numberOf, optional } from './json.ts';

export interface ActionLimits {
  /** Milliseconds. */
  readonly timeout: number;
  /** MiB. */
  readonly memory: number;
  /** MiB. */
  readonly logs: number;
  /** Activations at once in one container. */
  readonly concurrency: number;
  /** Containers at once; kept for clients, without effect here. */
  readonly instances?: number;
}

const fields = {
  timeout: 'time',
  memory: 'memory',
  logs: 'log',
  concurrency: 'intra concurrency',
  instances: 'instance concurrency',
} as const;

export function decodeLimits(json: Json): Partial<ActionLimits> {
  if (!isJsonObject(json)) throw apiError('MALFORMED_CONTENT', "Object expected in field 'limits'");
  const limits: Partial<Record<keyof ActionLimits, number>> = {};
  for (const [field, text] of Object.entries(fields) as [keyof ActionLimits, string][]) {
    const value = optional(json, field);
    if (value === undefined) continue;
    const number = numberOf(value);
    // The stock text for a non-number says only "concurrency".
    if (number === undefined) throw apiError('MALFORMED_CONTENT', `${text.replace('intra ', '')} limit malformed`);
    if (!Number.isInteger(number)) throw malformedNumber(text);
    limits[field] = number;
  }
  if (limits.instances !== undefined && limits.instances < 0) {
    const why = 'requirement failed: Action container concurrency must be greater than or equal to 0.';
    throw apiError('MALFORMED_CONTENT', why);
  }
  return limits;
}

function malformedNumber(text: string): Error {
  return apiError('MALFORMED_CONTENT', `requirement failed: ${text} limit must be whole number`);
}

/** The range that holds for a user: the namespace's own bounds, never wider than the system's. */
export function userRange(range: Range, min: number | undefined, max: number | undefined): Range {
  return { std: range.std, min: Math.max(range.min, min ?? range.min), max: Math.min(range.max, max ?? range.max) };
}

export function limitRanges(settings: ControllerSettings, user: UserLimits) {
  return {
    timeout: userRange(settings.timeoutMs, user.minActionTimeout, user.maxActionTimeout),
    memory: userRange(settings.memoryMb, user.minActionMemory, user.maxActionMemory),
    logs: userRange(settings.logsMb, user.minActionLogs, user.maxActionLogs),
    concurrency: userRange(settings.concurrency, user.minActionConcurrency, user.maxActionConcurrency),
  };
}

export function checkLimits(limits: Partial<ActionLimits>, settings: ControllerSettings, user: UserLimits): void {
  const ranges = limitRanges(settings, user);
  check(limits.memory, ranges.memory, sizeTexts('memory'));
  check(limits.timeout, ranges.timeout, {
    above: (is, max) => `duration ${is} milliseconds exceeds allowed threshold of ${max} milliseconds`,
    below: (is, min) => `duration ${is} milliseconds below allowed threshold of ${min} milliseconds`,
  });
  check(limits.logs, ranges.logs, sizeTexts('log'));
  check(limits.concurrency, ranges.concurrency, {
    above: (is, max) => `concurrency ${is} exceeds allowed threshold of ${max}`,
    below: (is, min) => `concurrency ${is} below allowed threshold of ${min}`,
  });
  const allowed = user.concurrentInvocations ?? settings.throttles?.concurrentInvocations;
  if (limits.instances !== undefined && allowed !== undefined && limits.instances > allowed) {
    const why = `Max action instance concurrency must not exceed your namespace concurrency of ${allowed}.`;
    throw apiError('LIMIT_OUT_OF_RANGE', why);
  }
}

interface RangeTexts {
  readonly above: (is: number, max: number) => string;
  readonly below: (is: number, min: number) => string;
}

function sizeTexts(field: string): RangeTexts {
  return {
    above: (is, max) => `${field} size ${is} MB exceeds allowed threshold of ${max} MB`,
    below: (is, min) => `${field} size ${is} MB below allowed threshold of ${min} MB`,
  };
}

function check(value: number | undefined, range: Range, texts: RangeTexts): void {
  if (value === undefined) return;
  if (value > range.max) throw outOfRange(texts.above(value, range.max));
  if (value < range.min) throw outOfRange(texts.below(value, range.min));
}

/** The prefix is part of the stock text (its ranges are Scala `require`s). */
function outOfRange(why: string): Error {
  return apiError('LIMIT_OUT_OF_RANGE', `requirement failed: ${why}`);
}

export function completeLimits(
  limits: Partial<ActionLimits>,
  base: Pick<ActionLimits, 'timeout' | 'memory' | 'logs' | 'concurrency'> & Partial<ActionLimits>,
): ActionLimits {
  const instances = limits.instances ?? base.instances;
  return {
    timeout: limits.timeout ?? base.timeout,
    memory: limits.memory ?? base.memory,
    logs: limits.logs ?? base.logs,
    concurrency: limits.concurrency ?? base.concurrency,
    ...(instances === undefined ? {} : { instances }),
  };
}

export function standardLimits(settings: ControllerSettings): ActionLimits {
  return {
    timeout: settings.timeoutMs.std,
    memory: settings.memoryMb.std,
    logs: settings.logsMb.std,
    concurrency: settings.concurrency.std,
  };
}
