/**
 * Calls the action and settles what it gives back: a value, a thenable, a rejection or a throw.
 *
 * Left out on purpose: uncaught exceptions and unhandled rejections outside of the returned promise. Node's default applies as in
 * the stock runtime: the error is printed to stderr and the process ends with status 1, which the invoker reports
 * as "did not produce a valid response and exited unexpectedly". State that threw where nobody looked is not to be trusted.
 */

export type Handler = (argument: unknown) => unknown;

/** `thrown`: the action threw before it returned. `value`: what it returned, resolved to or (as `{error}`) rejected with. */
export type Outcome = { readonly value: unknown } | { readonly thrown: unknown };

export async function runHandler(handler: Handler, argument: unknown): Promise<Outcome> {
  let result: unknown;
  try {
    result = handler(argument);
  } catch (thrown) {
    return { thrown };
  }
  try {
    const value = await result;
    return { value: value === undefined ? {} : value };
  } catch (reason) {
    return { value: { error: reason ? await serialize(reason) : {} } };
  }
}

type SerializeError = typeof import('serialize-error');

async function serialize(reason: unknown): Promise<unknown> {
  try {
    return (await loadSerializeError()).serializeError(reason);
  } catch (error) {
    return (error as Error).message;
  }
}

/** An ES module: require() takes it from Node 20.19 and 22.12 on and is much quicker than a first import(). */
async function loadSerializeError(): Promise<SerializeError> {
  try {
    return require('serialize-error') as SerializeError;
  } catch {
    return import('serialize-error');
  }
}
