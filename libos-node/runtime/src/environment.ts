/** How the contract's messages become environment variables of the action. */

/** The `env` object of /init: strings as they are, nothing for null, false, 0 and '', JSON text for objects. */
export function setInitEnvironment(env: unknown): void {
  if (typeof env !== 'object' || env === null) return;
  for (const [name, value] of Object.entries(env)) {
    process.env[name] =
      typeof value === 'object' && value !== null ? JSON.stringify(value) : value ? String(value) : '';
  }
}

/** Every string field of /run but `value`: `activation_id` becomes `__OW_ACTIVATION_ID`. */
export function setRunEnvironment(message: Readonly<Record<string, unknown>>): void {
  for (const name in message) {
    const value = message[name];
    if (typeof value === 'string' && name !== 'value') process.env[`__OW_${name.toUpperCase()}`] = value;
  }
}
