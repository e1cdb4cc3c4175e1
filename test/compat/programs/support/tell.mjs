/** How programs print: one line per step, with the facts of an error that do not depend on where it happened. */

/** Prints what a step gives, or how it fails; the step may be asynchronous. */
export async function tell(name, step) {
  try {
    console.log(name, await step());
  } catch (error) {
    console.log(name, facts(error));
  }
}

/** As `tell`, for steps that must be over when it returns. */
export function tellSync(name, step) {
  try {
    console.log(name, step());
  } catch (error) {
    console.log(name, facts(error));
  }
}

export function facts(error) {
  const { name, code, errno, syscall, message } = error ?? {};
  return { name, code, errno, syscall, message };
}

export function once(emitter, event) {
  return new Promise((resolve) => emitter.once(event, (...values) => resolve(values.length > 1 ? values : values[0])));
}

export function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
