/**
 * Runs one activation on a VM: /init when the VM has none yet, then /run, each within the action's time limit.
 * Gives an outcome for everything a VM can do, its death included; it neither reports nor decides about logs.
 */

import { type Clock, type Interval, startInterval } from '../clock.ts';
import type { ResponseLimits, VmReply } from '../container/vm-client.ts';
import type { VmProxy } from '../container/vm-proxy.ts';
import type { ActivationResponse } from '../protocol/activation-record.ts';
import type { Phase } from './errors.ts';
import { initBody, type Job, runBody } from './job.ts';
import { exitResponse, initFailure, isInitOk, runResponse, timeoutResponse } from './response.ts';

export interface Outcome {
  readonly response: ActivationResponse;
  /** /init and /run together; of zero length when neither was called. */
  readonly interval: Interval;
  /** When this activation initialised the VM. */
  readonly init?: Interval;
  readonly timedOut: boolean;
  /** Milliseconds of /init and /run, fractional, as far as they were called. */
  readonly phases: { readonly init?: number; readonly run?: number };
  /** False when no VM took the activation. */
  readonly reached: boolean;
  /** The VM must not be used again. */
  readonly spoilt: boolean;
}

/** The VM did not take the activation (it is shutting down, or another one failed to initialise it): try another VM. */
export const notTaken = Symbol('not taken');

/** What a call came to: an answer, or the response that stands for its absence. */
type Call = { readonly interval: Interval; readonly ms: number; readonly timedOut: boolean } & (
  | { readonly answer: Extract<VmReply, { kind: 'response' }> }
  | { readonly answer?: undefined; readonly failure: ActivationResponse }
);

const kServiceUnavailable = 503;

export interface ExecuteOptions {
  readonly clock: Clock;
  readonly limits: ResponseLimits;
  /** What the action gets as __OW_API_HOST. */
  readonly apiHost: string;
  /** V8's code cache of the action, for /init. */
  readonly codeCache?: Buffer;
}

export async function execute(
  proxy: VmProxy,
  job: Job,
  { clock, limits, apiHost, codeCache }: ExecuteOptions,
): Promise<Outcome | typeof notTaken> {
  let init: Call | undefined;
  if (proxy.initialised === undefined) {
    const settleInit = proxy.claimInit();
    let ok = false;
    try {
      // Whatever comes of it, /init can do without.
      if (codeCache !== undefined) await proxy.post('/code-cache', codeCache, job.action.limits.timeout, limits);
      const called = await call(proxy, 'init', initBody(job, clock.now(), apiHost), job, clock, limits);
      if (called.answer?.status === kServiceUnavailable) return notTaken;
      ok = called.answer !== undefined && isInitOk(called.answer);
      init = called;
      if (!ok) {
        const response = called.answer === undefined ? called.failure : initFailure(called.answer, limits.maxBytes);
        return outcome(response, called, init, undefined);
      }
    } finally {
      settleInit(ok);
    }
  } else if (!(await proxy.initialised)) {
    return notTaken;
  }
  const called = await call(proxy, 'run', runBody(job, clock.now()), job, clock, limits);
  if (called.answer?.status === kServiceUnavailable) return notTaken;
  return outcome(
    called.answer === undefined ? called.failure : runResponse(called.answer, limits.maxBytes),
    init === undefined ? called : { ...called, interval: joined(init.interval, called.interval) },
    init,
    called,
  );
}

async function call(
  proxy: VmProxy,
  phase: Phase,
  body: string,
  job: Job,
  clock: Clock,
  limits: ResponseLimits,
): Promise<Call> {
  const { timeout } = job.action.limits;
  const measure = startInterval(clock);
  const from = clock.monotonic();
  const reply = await proxy.post(`/${phase}`, body, timeout, limits);
  const interval = measure();
  const ms = clock.monotonic() - from;
  // As in OpenWhisk, an answer that took as long as the limit is too late as well.
  if (reply.kind === 'timeout' || interval.duration >= timeout) {
    // The timer may fire a fraction early; a timeout never reads as shorter than the limit.
    const duration = Math.max(interval.duration, timeout);
    return { interval: { ...interval, duration }, ms, timedOut: true, failure: timeoutResponse(timeout, phase) };
  }
  if (reply.kind === 'response') return { interval, ms, timedOut: false, answer: reply };
  return { interval, ms, timedOut: false, failure: exitResponse(await proxy.whyLost(), phase) };
}

function outcome(
  response: ActivationResponse,
  { interval, timedOut }: Call,
  init: Call | undefined,
  run: Call | undefined,
): Outcome {
  return {
    response,
    interval,
    ...(init === undefined ? {} : { init: init.interval }),
    phases: { ...(init === undefined ? {} : { init: init.ms }), ...(run === undefined ? {} : { run: run.ms }) },
    timedOut,
    reached: true,
    spoilt: timedOut || response.statusCode >= 2,
  };
}

/** Start moved back by the length of /init, so that the wait between the two does not count. */
function joined(init: Interval, run: Interval): Interval {
  return { start: run.start - init.duration, duration: init.duration + run.duration };
}
