/**
 * The two manifests: the source (images/manifests/*.json), which says what goes into an image, and the record inside the image,
 * which says what did.
 *
 * Invariant: the record is a function of the image's content, so equal inputs give equal text; no time, host or path in it.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Profile } from '@ebbwhisk/libos-node/paths';
import { ImageError } from './errors.ts';
import type { FsFile } from './fs/read.ts';
import type { HashedSegment } from './image/write.ts';

export interface ManifestSource {
  /** Path of Node in the guest: argv[0]. */
  readonly program: string;
  /** Flags of Node before the script. */
  readonly nodeFlags: readonly string[];
  readonly script: string;
  readonly env: Readonly<Record<string, string>>;
  /** Ebb name -> implementation. */
  readonly ebbs: Readonly<Record<string, string>>;
}

const namePattern = /^[A-Za-z][A-Za-z0-9]*$/;
const implementationPattern = /^[a-z0-9][a-z0-9-]*$/;

/** Checks `Name=impl`, as on the command line and in the source. */
export function isEbbChoice(name: string, implementation: string): boolean {
  return namePattern.test(name) && implementationPattern.test(implementation);
}

export function readManifestSource(path: string): ManifestSource {
  const bad = (what: string): never => {
    throw new ImageError('IMAGE_MANIFEST_BAD', `${path}: ${what}`);
  };
  const isText = (value: unknown): value is string => typeof value === 'string' && !value.includes('\0');
  const readTexts = (value: unknown, name: string): Record<string, string> => {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.values(value).every(isText)) {
      return bad(`${name} must map names to texts`);
    }
    return { ...(value as Record<string, string>) };
  };
  let source: unknown;
  try {
    source = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new ImageError('IMAGE_MANIFEST_BAD', path, { cause: error });
  }
  if (typeof source !== 'object' || source === null || Array.isArray(source)) return bad('not an object');
  const fields = source as Record<string, unknown>;
  if (fields.version !== 1) bad('version must be 1');
  const { program, script, nodeFlags } = fields;
  if (!isText(program) || !program.startsWith('/')) return bad('program must be an absolute path');
  if (!isText(script) || !script.startsWith('/')) return bad('script must be an absolute path');
  if (!Array.isArray(nodeFlags) || !nodeFlags.every(isText)) return bad('nodeFlags must be a list of texts');
  const env = readTexts(fields.env, 'env');
  if (!Object.keys(env).every((name) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name))) bad('bad name in env');
  const ebbs = readTexts(fields.ebbs, 'ebbs');
  for (const [name, implementation] of Object.entries(ebbs)) {
    if (!isEbbChoice(name, implementation)) bad(`bad Ebb ${name}=${implementation}`);
  }
  return { program, script, nodeFlags, env, ebbs };
}

function sortedEntries(map: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The NAME=VALUE options of an image: what the tender and the LibOS read at boot. */
export function optionsOf(source: ManifestSource, kind: string, profile: Profile, interpreter: string): string[] {
  return [
    `kind=${kind}`,
    `profile=${profile}`,
    `program=${source.program}`,
    `interpreter=${interpreter}`,
    ...[...source.nodeFlags, source.script].map((argument) => `arg=${argument}`),
    ...sortedEntries(source.env).map(([name, value]) => `env=${name}=${value}`),
    ...sortedEntries(source.ebbs).map(([name, implementation]) => `ebb.${name}=${implementation}`),
  ];
}

export interface ManifestParts {
  readonly kind: string;
  readonly profile: Profile;
  readonly node: string;
  readonly glibc: string;
  readonly builder: string;
  /** Of profile ebb: functions of libuv redirected, and bytes of Node's own overwritten. */
  readonly libuv?: { readonly redirected: number; readonly poisoned: number };
  readonly packages: Readonly<Record<string, string>>;
  readonly source: ManifestSource;
  readonly segments: readonly HashedSegment[];
  readonly files: readonly FsFile[];
}

const segmentNames = { 1: 'kernel', 2: 'exe', 3: 'fs' } as const;

export function writeManifest(parts: ManifestParts): string {
  const files = parts.files
    .filter(({ type }) => type !== 'directory')
    .map(({ path, mode, type, content, sites }) => {
      const common = { path, mode: (mode & 0o7777).toString(8) };
      if (type === 'link') return { ...common, target: content.toString('utf8') };
      const sha256 = createHash('sha256').update(content).digest('hex');
      return { ...common, size: content.length, sha256, ...(sites.length > 0 ? { sites: sites.length } : {}) };
    });
  const record = {
    format: 1,
    builder: parts.builder,
    kind: parts.kind,
    profile: parts.profile,
    node: parts.node,
    glibc: parts.glibc,
    ...(parts.libuv === undefined ? {} : { libuv: parts.libuv }),
    packages: Object.fromEntries(sortedEntries(parts.packages)),
    ebbs: Object.fromEntries(sortedEntries(parts.source.ebbs)),
    segments: parts.segments.map(({ kind, vaddr, memSize, prot, bytes, sha256 }) => ({
      kind: segmentNames[kind],
      address: `0x${vaddr.toString(16)}`,
      memorySize: memSize,
      fileSize: bytes.length,
      protection: prot,
      sha256: sha256.toString('hex'),
    })),
    files,
  };
  return `${JSON.stringify(record, undefined, 1)}\n`;
}
