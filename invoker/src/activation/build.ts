/** Makes the activation (what acks carry and the store keeps) out of a message and its outcome. */

import type { StartKind, VmCost } from '@ebbwhisk/libos-node';
import type { Activation, ActivationResponse, Annotation } from '../protocol/activation-record.ts';
import type { Json } from '../protocol/json.ts';
import { type ActivationMessage, fqnDocId } from '../protocol/messages.ts';
import { transidMeta } from '../protocol/transid.ts';
import type { Outcome } from './execute.ts';
import type { Job } from './job.ts';

/**
 * Milliseconds, fractional: until there was a VM or one could be made; making it, by boot or by clone, when it was made for this
 * activation; /init, when that was needed; /run.
 */
export interface Phases {
  readonly queue?: number;
  readonly boot?: number;
  readonly clone?: number;
  readonly init?: number;
  readonly run?: number;
}

/** The annotations beside those of OpenWhisk. */
export interface Way {
  readonly start: StartKind;
  readonly phases: Phases;
}

/** With what its start cost, which is known after the answer only. */
export function withCost(activation: Activation, { faults, exits }: VmCost): Activation {
  const value = { ...(faults === undefined ? {} : { faults }), ...(exits === undefined ? {} : { exits }) };
  return { ...activation, annotations: [...activation.annotations, { key: 'ebbCost', value }] };
}

/** Of an activation whose action was found, with or without a VM. */
export function buildActivation(job: Job, outcome: Outcome, way: Way | undefined): Activation {
  const { message, action } = job;
  const { interval, init } = outcome;
  const asked = transidMeta(message.transid).start ?? interval.start;
  const began = init?.start ?? interval.start;
  return activation(message, {
    version: action.version,
    start: interval.start,
    end: interval.start + interval.duration,
    response: outcome.response,
    annotations: [
      { key: 'limits', value: { ...action.limits } as { [key: string]: Json } },
      { key: 'path', value: action.id },
      { key: 'kind', value: action.kind },
      { key: 'timeout', value: outcome.timedOut },
      ...causedBy(message),
      ...(init === undefined ? [] : [{ key: 'initTime', value: init.duration }]),
      { key: 'waitTime', value: Math.max(0, Math.floor(began - asked)) },
      ...(message.action.binding === undefined ? [] : [{ key: 'binding', value: message.action.binding }]),
      ...(way === undefined
        ? []
        : [
            { key: 'ebbStart', value: way.start },
            { key: 'ebbPhases', value: rounded(way.phases) },
          ]),
    ],
  });
}

/** To microseconds: as much as can be measured. */
function rounded(phases: Phases): { [key: string]: Json } {
  return Object.fromEntries(Object.entries(phases).map(([phase, ms]) => [phase, Math.round(ms * 1000) / 1000]));
}

/** Of an activation whose action could not be had: its kind and limits are not known. */
export function buildFallback(message: ActivationMessage, response: ActivationResponse, now: number): Activation {
  return activation(message, {
    version: message.action.version ?? '0.0.1',
    start: now,
    end: now,
    response,
    annotations: [
      { key: 'path', value: fqnDocId(message.action) },
      { key: 'kind', value: 'unknown' },
      ...causedBy(message),
    ],
  });
}

function activation(
  message: ActivationMessage,
  own: Pick<Activation, 'version' | 'start' | 'end' | 'response' | 'annotations'>,
): Activation {
  return {
    namespace: message.user.namespace.name,
    name: message.action.name,
    version: own.version,
    subject: message.user.subject,
    activationId: message.activationId,
    ...(message.cause === undefined ? {} : { cause: message.cause }),
    start: own.start,
    end: own.end,
    duration: own.end - own.start,
    response: own.response,
    logs: [],
    annotations: own.annotations,
    publish: false,
  };
}

function causedBy(message: ActivationMessage): Annotation[] {
  return message.cause === undefined ? [] : [{ key: 'causedBy', value: 'sequence' }];
}
