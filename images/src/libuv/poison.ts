/**
 * Where a program's own libuv lies: for images whose unused libuv is overwritten, to show that nothing calls it.
 *
 * Invariant: a range holds code of libuv alone. A function is libuv's by its name (uv_..., which covers uv__...), or when it is a
 * local function of one of libuv's source files between two such functions. Code that the names do not show to be libuv's is left
 * alone: the ranges are what is surely libuv's.
 */
import type { Elf } from '../elf/elf.ts';

export interface CodeRange {
  readonly start: number;
  readonly end: number;
}

/** Of libuv's src/ and src/unix/. Other libraries have files of the same names, hence the rule about the neighbours. */
const sourceFiles: ReadonlySet<string> = new Set(
  [
    'async',
    'core',
    'dl',
    'fs',
    'fs-poll',
    'getaddrinfo',
    'getnameinfo',
    'idna',
    'inet',
    'linux',
    'loop',
    'loop-watcher',
    'pipe',
  ]
    .concat(['poll', 'process', 'procfs-exepath', 'proctitle', 'random', 'random-devurandom', 'random-getrandom'])
    .concat([
      'random-sysctl-linux',
      'signal',
      'stream',
      'strscpy',
      'strtok',
      'sysinfo-loadavg',
      'sysinfo-memory',
      'tcp',
    ])
    .concat([
      'thread',
      'thread-common',
      'threadpool',
      'timer',
      'tty',
      'udp',
      'uv-common',
      'uv-data-getter-setters',
      'version',
    ])
    .map((name) => `${name}.c`),
);

/** Functions of libuv lie closer together than this. */
const NEAR = 0x10000;

interface Function {
  readonly start: number;
  readonly end: number;
  readonly named: boolean;
}

export function libuvRanges(program: Elf): CodeRange[] {
  const functions: Function[] = [];
  let file = '';
  for (const { name, value, size, isFile, isLocal, isFunction, isDefined } of program.symbols('symtab')) {
    if (isFile) file = name;
    if (!isFunction || !isDefined || size === 0) continue;
    const named = name.startsWith('uv_');
    if (named || (isLocal && sourceFiles.has(file))) functions.push({ start: value, end: value + size, named });
  }
  functions.sort((a, b) => a.start - b.start);
  const nearest = (index: number, step: 1 | -1): number => {
    const from = functions[index] as Function;
    for (let at = index + step; at >= 0 && at < functions.length; at += step) {
      const other = functions[at] as Function;
      if (Math.abs(other.start - from.start) > NEAR) return Number.POSITIVE_INFINITY;
      if (other.named) return Math.abs(other.start - from.start);
    }
    return Number.POSITIVE_INFINITY;
  };
  return functions
    .filter(({ named }, index) => named || (nearest(index, -1) <= NEAR && nearest(index, 1) <= NEAR))
    .map(({ start, end }) => ({ start, end }));
}
