/**
 * Progress of the set-up, on stderr only. A step says nothing unless it has work to do, so a second run is silent.
 */

/** @param {string} text */
export function say(text) {
  process.stderr.write(`set-up: ${text}\n`);
}

/**
 * @param {string} text what is done
 * @param {() => Promise<void>} work
 */
export async function timed(text, work) {
  say(text);
  const started = process.hrtime.bigint();
  await work();
  say(`${text}: done in ${(Number(process.hrtime.bigint() - started) / 1e9).toFixed(1)} s`);
}
