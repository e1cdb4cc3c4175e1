/**
 * What an operator can set of the controller: ranges, sizes, kinds, throttles. `stockSettings` are OpenWhisk's defaults,
 * `localSettings` those of the local stack (wider memory and concurrency, no throttles).
 */

export interface Range {
  readonly min: number;
  readonly max: number;
  /** What an action gets that does not say. */
  readonly std: number;
}

export interface Throttles {
  readonly invocationsPerMinute: number;
  readonly concurrentInvocations: number;
  readonly firesPerMinute: number;
}

export interface ControllerSettings {
  /** Kinds that can be run now (an image exists), e.g. `nodejs:24`. */
  readonly kinds: readonly string[];
  /** What `nodejs:default` stands for; one of `kinds`. */
  readonly defaultKind: string;
  readonly timeoutMs: Range;
  readonly memoryMb: Range;
  readonly logsMb: Range;
  readonly concurrency: Range;
  readonly codeBytes: number;
  readonly parameterBytes: number;
  readonly payloadBytes: number;
  /** Largest request body that is read at all. */
  readonly bodyBytes: number;
  readonly list: { readonly std: number; readonly max: number };
  readonly sequenceLength: number;
  /** Longest wait of a blocking invocation. */
  readonly blockingMs: number;
  /** Undefined: namespaces are throttled only where the users file says so. */
  readonly throttles: Throttles | undefined;
}

/** Kinds this project knows; those that can be run depend on the images at hand. */
export const knownKinds = ['nodejs:20', 'nodejs:22', 'nodejs:24', 'nodejs:26'] as const;

export const stockThrottles: Throttles = { invocationsPerMinute: 60, concurrentInvocations: 30, firesPerMinute: 60 };

const kMb = 1024 * 1024;

export const stockSettings: ControllerSettings = {
  kinds: ['nodejs:24'],
  defaultKind: 'nodejs:24',
  timeoutMs: { min: 100, max: 300_000, std: 60_000 },
  memoryMb: { min: 128, max: 512, std: 256 },
  logsMb: { min: 0, max: 10, std: 10 },
  concurrency: { min: 1, max: 1, std: 1 },
  codeBytes: 48 * kMb,
  parameterBytes: kMb,
  payloadBytes: kMb,
  bodyBytes: 50 * kMb,
  list: { std: 30, max: 200 },
  sequenceLength: 50,
  blockingMs: 60_000,
  throttles: stockThrottles,
};

export const localSettings: ControllerSettings = {
  ...stockSettings,
  memoryMb: { min: 128, max: 2048, std: 256 },
  concurrency: { min: 1, max: 200, std: 1 },
  throttles: undefined,
};
