/**
 * The whole way of one ActivationMessage: action, VM, execution, acks, logs, record, and the VM given back.
 *
 * Invariant: a message that names its activation and controller always yields an ack that frees the slot and, unless
 * its namespace stores none, a record; whatever fails. handle() never rejects and resolves when the slot is free.
 */

import type { StartKind, VmCost } from '@ebbwhisk/libos-node';
import type { Logger } from 'pino';
import { Type } from 'typebox';
import type { ActionCache } from '../actions/action-cache.ts';
import type { CodeCache } from '../actions/code-cache.ts';
import type { ExecutableAction } from '../actions/executable-action.ts';
import type { Clock } from '../clock.ts';
import { formatLogLine } from '../container/log-collector.ts';
import type { ResponseLimits } from '../container/vm-client.ts';
import { errorText, InvokerError } from '../errors.ts';
import type { Metrics } from '../metrics.ts';
import type { Lease, Pool } from '../pool.ts';
import {
  type Activation,
  ActivationIdSchema,
  type ActivationMessage,
  type ActivationResponse,
  ControllerInstanceSchema,
  fqnDocId,
  parseActivationMessage,
  TransidSchema,
} from '../protocol/messages.ts';
import { checker, parseObject } from '../protocol/schema.ts';
import { buildActivation, buildFallback, type Phases, withCost } from './build.ts';
import { activationErrors } from './errors.ts';
import { execute, notTaken, type Outcome } from './execute.ts';
import { type Job, vmSpec } from './job.ts';
import type { Reporter } from './reporter.ts';
import { applicationError, whiskError } from './response.ts';

export interface HandlerOptions {
  readonly actions: ActionCache;
  readonly pool: Pool;
  readonly codeCache: CodeCache;
  readonly reporter: Reporter;
  readonly apiHost: string;
  readonly responseLimits: ResponseLimits;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** VMs that may decline an activation before it fails. */
const kMaxVms = 3;

/** Logs need no help of the guest to arrive; longer means that something is wrong. */
const kFlushMs = 2_000;
/** A VM that will be ended anyway (it may loop for ever) is not waited for as long. */
const kSpoiltFlushMs = 500;

/** As much of a message as an ack needs. */
const checkAddress = checker(
  'ActivationMessage',
  Type.Object({
    transid: TransidSchema,
    activationId: ActivationIdSchema,
    rootControllerIndex: ControllerInstanceSchema,
  }),
);

export class ActivationHandler {
  readonly #options: HandlerOptions;

  constructor(options: HandlerOptions) {
    this.#options = options;
  }

  async handle(text: string): Promise<void> {
    const { log } = this.#options;
    let message: ActivationMessage;
    try {
      message = parseActivationMessage(text);
    } catch (error) {
      log.error({ err: errorText(error) }, 'unreadable ActivationMessage');
      await this.#unreadable(text);
      return;
    }
    try {
      await this.#activate(message);
    } catch (error) {
      // Every known failure was dealt with deeper; this one is a bug, and the controller must still get its slot back.
      log.error({ err: error, activationId: message.activationId }, 'activation failed internally');
      await this.#fallback(message, whiskError('RUN_EXITED'));
    }
  }

  async #activate(message: ActivationMessage): Promise<void> {
    const { actions, log } = this.#options;
    let action: ExecutableAction;
    try {
      action = await actions.get(fqnDocId(message.action), message.revision);
    } catch (error) {
      log.warn({ activationId: message.activationId, err: errorText(error) }, 'action not available');
      await this.#fallback(message, fetchFailure(error));
      return;
    }
    const job: Job = { message, action };
    if (Object.keys(message.lockedArgs ?? {}).length > 0) {
      await this.#unreached(job, whiskError('LOCKED_PARAMETERS'));
      return;
    }
    for (let vms = 0; vms < kMaxVms; vms += 1) {
      let lease: Lease;
      try {
        lease = await this.#options.pool.acquire(vmSpec(job, this.#options.apiHost));
      } catch (error) {
        log.error({ activationId: message.activationId, action: action.id, err: errorText(error) }, 'no VM');
        await this.#unreached(job, whiskError('PROVISION'));
        return;
      }
      if (await this.#runOn(lease, job)) return;
    }
    await this.#unreached(job, whiskError('RUN_EXITED'));
  }

  /** False when the VM did not take the activation. */
  async #runOn(lease: Lease, job: Job): Promise<boolean> {
    const { clock, responseLimits: limits, apiHost, log, metrics } = this.#options;
    const { message } = job;
    const { proxy } = lease;
    const start: StartKind = proxy.initialised === undefined ? 'cold' : lease.isFirst ? 'warm' : 'hot';
    const way = wayOf(lease);
    let outcome: Outcome;
    try {
      const executed = await execute(proxy, job, { clock, limits, apiHost, ...this.#codeCacheOf(lease) });
      if (executed === notTaken) {
        log.warn({ activationId: message.activationId, vm: proxy.vm.id }, 'VM declined an activation');
        lease.release(false);
        return false;
      }
      outcome = executed;
    } catch (error) {
      log.error({ err: error, activationId: message.activationId, vm: proxy.vm.id }, 'execution failed internally');
      outcome = { ...unreachedOutcome(whiskError('RUN_EXITED'), clock), spoilt: true };
    }
    let record: Activation;
    try {
      const phases: Phases = { ...way, ...outcome.phases };
      const activation = buildActivation(job, outcome, outcome.reached ? { start, phases } : undefined);
      metrics.finished(start, activation, phases);
      // Asked for when the answer is on its way; only the record waits for it. A hot start would cost more by it, and it cost nothing.
      let cost: Promise<VmCost | undefined> | undefined;
      const afterAnswer = () => {
        if (start !== 'hot' && outcome.reached && !outcome.spoilt) cost = proxy.cost();
      };
      const reported =
        job.action.limits.logs === 0
          ? await this.#reportWithoutLogs(lease, job, outcome, activation, afterAnswer)
          : await this.#reportWithLogs(lease, job, outcome, activation, afterAnswer);
      const known = await cost;
      if (known !== undefined) metrics.cost(start, known);
      record = known === undefined ? reported : withCost(reported, known);
    } finally {
      // Already given back unless something threw; then its state is not known.
      lease.release(false);
    }
    if (message.user.limits['storeActivations'] !== false) await this.#options.reporter.record(record);
    return true;
  }

  #codeCacheOf({ codeKey }: Lease): { codeCache?: Buffer } {
    const codeCache = codeKey === undefined ? undefined : this.#options.codeCache.get(codeKey);
    return codeCache === undefined || codeCache.length === 0 ? {} : { codeCache };
  }

  async #reportWithoutLogs(
    lease: Lease,
    { message }: Job,
    outcome: Outcome,
    activation: Activation,
    afterAnswer: () => void,
  ): Promise<Activation> {
    const { reporter } = this.#options;
    lease.release(!outcome.spoilt, resultOf(outcome));
    const sent = message.blocking ? reporter.combined(message, activation) : reporter.completion(message, activation);
    afterAnswer();
    await sent;
    return activation;
  }

  /** The result goes out first; the slot is free when the logs are in. */
  async #reportWithLogs(
    lease: Lease,
    job: Job,
    outcome: Outcome,
    activation: Activation,
    afterAnswer: () => void,
  ): Promise<Activation> {
    const { reporter, log } = this.#options;
    const { message } = job;
    if (!outcome.spoilt) lease.settle();
    const sent = message.blocking ? reporter.result(message, activation) : Promise.resolve();
    let complete = true;
    let logs: string[];
    const taken = lease.proxy.takeLogs(outcome.spoilt ? kSpoiltFlushMs : kFlushMs);
    afterAnswer();
    try {
      ({ lines: logs, complete } = await taken);
    } catch (error) {
      log.error({ err: error, activationId: message.activationId }, 'collecting logs failed');
      logs = [];
      complete = false;
    }
    const now = this.#options.clock.now();
    // After a developer error the line below already says that some may be missing.
    if (!complete && !outcome.spoilt) logs.push(formatLogLine(now, 'stderr', activationErrors.LOG_FAILURE));
    if (outcome.response.statusCode === 2) {
      logs.push(formatLogLine(now, 'stderr', activationErrors.LOG_DEVELOPER_ERROR));
    }
    lease.release(complete && !outcome.spoilt, resultOf(outcome));
    await sent;
    await reporter.completion(message, activation);
    return { ...activation, logs };
  }

  /** The action is known, but no VM took the activation. */
  async #unreached(job: Job, response: ActivationResponse): Promise<void> {
    const { clock, metrics } = this.#options;
    const activation = buildActivation(job, unreachedOutcome(response, clock), undefined);
    metrics.finished(undefined, activation);
    await this.#reportAtOnce(job.message, activation);
  }

  async #fallback(message: ActivationMessage, response: ActivationResponse): Promise<void> {
    const activation = buildFallback(message, response, this.#options.clock.now());
    this.#options.metrics.finished(undefined, activation);
    await this.#reportAtOnce(message, activation);
  }

  async #reportAtOnce(message: ActivationMessage, activation: Activation): Promise<void> {
    const { reporter } = this.#options;
    await reporter.combined(message, activation);
    if (message.user.limits['storeActivations'] !== false) await reporter.record(activation);
  }

  async #unreadable(text: string): Promise<void> {
    try {
      const { transid, activationId, rootControllerIndex } = checkAddress(parseObject('ActivationMessage', text));
      await this.#options.reporter.unreadable({ transid, rootControllerIndex, blocking: false }, activationId);
    } catch {
      // Without these there is nobody to tell; it was logged.
    }
  }
}

function resultOf({ response }: Outcome): 'success' | 'failure' {
  return response.statusCode === 0 ? 'success' : 'failure';
}

/** How it came to its VM. */
function wayOf({ queueMs, making, proxy }: Lease): Phases {
  if (making === undefined) return { queue: queueMs };
  return { queue: queueMs, [proxy.vm.origin === 'boot' ? 'boot' : 'clone']: making };
}

function unreachedOutcome(response: ActivationResponse, clock: Clock): Outcome {
  const interval = { start: clock.now(), duration: 0 };
  return { response, interval, phases: {}, timedOut: false, reached: false, spoilt: false };
}

function fetchFailure(error: unknown): ActivationResponse {
  if (error instanceof InvokerError && error.code === 'ACTION_MISSING') return applicationError('ACTION_REMOVED');
  if (error instanceof InvokerError && error.code === 'ACTION_UNREADABLE') return whiskError('ACTION_MISMATCH');
  return whiskError('ACTION_FETCH');
}
