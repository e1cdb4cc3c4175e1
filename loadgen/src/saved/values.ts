/** Values of a JSON file that anybody may have written: each is what it should be, or an error says where it is not. */

export class BadValue extends Error {}

export type Fields = Readonly<Record<string, unknown>>;
export type Read<T> = (value: unknown, at: string) => T;

export const fields: Read<Fields> = (value, at) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new BadValue(`${at}: no object`);
  return value as Fields;
};

export const number: Read<number> = (value, at) => {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new BadValue(`${at}: no number`);
  return value;
};

/** Zero or more: counts, times, sizes. */
export const amount: Read<number> = (value, at) => {
  if (number(value, at) < 0) throw new BadValue(`${at}: negative`);
  return value as number;
};

export const flag: Read<boolean> = (value, at) => {
  if (typeof value !== 'boolean') throw new BadValue(`${at}: neither true nor false`);
  return value;
};

const kLongest = 1_000;

export const text: Read<string> = (value, at) => {
  if (typeof value !== 'string' || value.length > kLongest) throw new BadValue(`${at}: no short text`);
  return value;
};

export function oneOf<T extends string>(...choices: readonly T[]): Read<T> {
  return (value, at) => {
    const found = choices.find((each) => each === value);
    if (found === undefined) throw new BadValue(`${at}: none of ${choices.join(', ')}`);
    return found;
  };
}

export function orNull<T>(read: Read<T>): Read<T | null> {
  return (value, at) => (value === null ? null : read(value, at));
}

export function list<T>(read: Read<T>, most: number): Read<readonly T[]> {
  return (value, at) => {
    if (!Array.isArray(value)) throw new BadValue(`${at}: no list`);
    if (value.length > most) throw new BadValue(`${at}: more than ${most}`);
    return value.map((each, index) => read(each, `${at}[${index}]`));
  };
}

export function pair<A, B>(first: Read<A>, second: Read<B>): Read<readonly [A, B]> {
  return (value, at) => {
    if (!Array.isArray(value) || value.length !== 2) throw new BadValue(`${at}: no pair`);
    return [first(value[0], `${at}[0]`), second(value[1], `${at}[1]`)];
  };
}

export function triple<A, B, C>(first: Read<A>, second: Read<B>, third: Read<C>): Read<readonly [A, B, C]> {
  return (value, at) => {
    if (!Array.isArray(value) || value.length !== 3) throw new BadValue(`${at}: no triple`);
    return [first(value[0], `${at}[0]`), second(value[1], `${at}[1]`), third(value[2], `${at}[2]`)];
  };
}

/** Every field by its reader; others are dropped. */
export function record<T>(readers: { readonly [K in keyof T]: Read<T[K]> }): Read<T> {
  return (value, at) => {
    const given = fields(value, at);
    const names = Object.keys(readers) as (keyof T & string)[];
    return Object.fromEntries(names.map((name) => [name, readers[name](given[name], `${at}.${name}`)])) as T;
  };
}
