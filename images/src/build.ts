/**
 * Builds an image: LibOS kernel, Node and a file tree (C library, configuration, action runtime) into one file by the format of
 * ebb_abi.h.
 *
 * Invariant: the same inputs give the same bytes. The content of /usr/local/bin/node in the guest is Node's first page only (its
 * ELF and program headers): Node itself is mapped from the EXE segments, and a second copy would double the image.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  imageFileName,
  imagesFolder,
  kernelPath,
  libuvPath,
  type Profile,
  rootFolder,
} from '@ebbwhisk/libos-node/paths';
import * as abi from './abi.ts';
import { Elf } from './elf/elf.ts';
import { scanSites } from './elf/sites.ts';
import { ImageError } from './errors.ts';
import { addConfiguration } from './etc.ts';
import { readFs } from './fs/read.ts';
import { FsTree } from './fs/tree.ts';
import { writeFs } from './fs/write.ts';
import { segmentsOf } from './image/segments.ts';
import { encodeImage, hashSegment, writeAtomically } from './image/write.ts';
import { builderFiles, isFresh, statesOf, writeRecord } from './inputs.ts';
import { kernelParts } from './kernel.ts';
import { kindByName, nodePackageOf } from './kinds.ts';
import { writeLdCache } from './ld-cache.ts';
import { glibcVersion, type Library, librariesOf, openElf, runtimeLoaded } from './libraries.ts';
import { type Redirected, redirectLibuv } from './libuv/redirect.ts';
import { type ManifestSource, optionsOf, readManifestSource, writeManifest } from './manifest.ts';
import { addRuntimeFiles, type GuestFile, listRuntimeFiles, packagesOf, transformFiles } from './runtime-files.ts';

export interface BuildRequest {
  readonly kind: string;
  readonly profile: Profile;
  /** Ebb name -> implementation, over those of the manifest source. */
  readonly ebbs?: Readonly<Record<string, string>>;
  /** With profile ebb: overwrite the libuv of Node that is not used. */
  readonly poisonLibuv?: boolean;
  /** Default: .ebbwhisk/images of the checkout. */
  readonly folder?: string;
  /** Do nothing when the image is fresh. */
  readonly ifStale?: boolean;
  /** Stand-ins for parts of the checkout, for tests. */
  readonly kernel?: string;
  readonly libuv?: string;
  readonly runtime?: readonly GuestFile[];
}

export interface BuiltImage {
  readonly path: string;
  readonly size: number;
  /** The header's hash in hexadecimal. */
  readonly sha256: string;
  /** Per library: how many of its syscalls the LibOS may redirect. */
  readonly sites: Readonly<Record<string, { readonly redirected: number; readonly trapping: number }>>;
}

const BUILDER_VERSION = '1';
const libuvInGuest = '/lib/x86_64-linux-gnu/libuv-ebb.so';
const libraryFolder = '/lib/x86_64-linux-gnu';
const packageFolder = join(import.meta.dirname, '..');
const manifestPath = join(packageFolder, 'manifests/default.json');

function addLibraries(
  tree: FsTree,
  libraries: readonly Library[],
  loader: Elf,
  interpreter: string,
  profile: Profile,
): BuiltImage['sites'] {
  const sites: Record<string, { redirected: number; trapping: number }> = {};
  const add = (path: string, elf: Elf): void => {
    const scan = scanSites(elf);
    const usable = profile === 'general' ? [] : scan.sites.filter(({ form }) => abi.SITE_FORMS.includes(form));
    const all = scan.sites.length + scan.refused + scan.other;
    if (all > 0) sites[path] = { redirected: usable.length, trapping: all - usable.length };
    tree.addFile(path, elf.bytes, 0o755, usable);
  };
  add(interpreter, loader);
  const entries = [];
  for (const { name, elf } of libraries) {
    const path = `${libraryFolder}/${name}`;
    entries.push({ name, path });
    if (interpreter.endsWith(`/${name}`)) tree.addLink(path, interpreter);
    else add(path, elf);
  }
  tree.addFile('/etc/ld.so.cache', writeLdCache(entries));
  return sites;
}

function redirectedBy(libuvFile: string | undefined, program: Elf, poison: boolean): Redirected | undefined {
  if (libuvFile === undefined) return undefined;
  const library = openElf(libuvFile);
  if (library === undefined) throw new ImageError('IMAGE_LIBUV_MISSING', libuvFile);
  return redirectLibuv(program, library, poison);
}

/** Undefined when `ifStale` is set and the image is fresh. */
export function buildImage(request: BuildRequest): BuiltImage | undefined {
  const kind = kindByName(request.kind);
  const path = join(request.folder ?? imagesFolder, imageFileName(kind.name, request.profile));
  const node = nodePackageOf(kind, rootFolder);
  const runtime = request.runtime ?? listRuntimeFiles();
  const kernelFile = request.kernel ?? kernelPath;
  const libuvFile = request.profile === 'ebb' ? (request.libuv ?? libuvPath) : undefined;
  const requestText = JSON.stringify([
    BUILDER_VERSION,
    kind.name,
    request.profile,
    Object.entries(request.ebbs ?? {}).sort(),
    request.poisonLibuv === true,
  ]);
  const known = [
    ...builderFiles(packageFolder),
    ...transformFiles(),
    manifestPath,
    node.manifestPath,
    node.binaryPath,
    kernelFile,
    ...(libuvFile === undefined ? [] : [libuvFile]),
    ...runtime.map(({ from }) => from),
  ];
  if (request.ifStale === true && isFresh(path, requestText, known)) return undefined;

  const defaults = readManifestSource(manifestPath);
  const source: ManifestSource = { ...defaults, ebbs: { ...defaults.ebbs, ...request.ebbs } };
  const kernelElf = openElf(kernelFile);
  if (kernelElf === undefined) throw new ImageError('IMAGE_KERNEL_MISSING', kernelFile);
  const kernel = kernelParts(kernelElf);

  const original = new Elf(readFileSync(node.binaryPath), node.binaryPath);
  const libuv = redirectedBy(libuvFile, original, request.poisonLibuv === true);
  const program = libuv?.program ?? original;
  const interpreter = program.interpreter();
  if (interpreter === undefined) throw new ImageError('IMAGE_ELF_BAD', `${node.binaryPath} names no interpreter`);
  const loader = openElf(interpreter);
  if (loader === undefined) throw new ImageError('IMAGE_LIBRARY_MISSING', interpreter);
  const libraries = librariesOf(program, runtimeLoaded);
  const libc = libraries.find(({ name }) => name === 'libc.so.6');
  if (libc === undefined) throw new ImageError('IMAGE_LIBRARY_MISSING', 'libc.so.6');
  const states = statesOf([...known, interpreter, ...libraries.map((library) => library.path)]);

  const tree = new FsTree();
  const sites = addLibraries(tree, libraries, loader, interpreter, request.profile);
  addConfiguration(tree);
  if (libuv !== undefined) {
    tree.addFile(libuvInGuest, libuv.library.bytes, 0o755);
    // What ld.so loads before the program's own libraries, and initialises before the program.
    tree.addFile('/etc/ld.so.preload', `${libuvInGuest}\n`);
  }
  tree.addFile(source.program, program.slice(0, abi.PAGE_SIZE), 0o755);
  addRuntimeFiles(tree, runtime);
  if (!tree.has(source.script)) throw new ImageError('IMAGE_RUNTIME_MISSING', source.script);

  const fs = writeFs(tree);
  const tail = {
    kind: abi.SEGMENT_FS,
    vaddr: abi.FS_BASE,
    memSize: fs.length,
    prot: abi.PROT_READ,
    bytes: fs,
  } as const;
  const segments = [...kernel.segments, ...segmentsOf(program, abi.SEGMENT_EXE), tail].map(hashSegment);
  const manifest = writeManifest({
    kind: kind.name,
    profile: request.profile,
    node: node.version,
    glibc: glibcVersion(libc.elf),
    builder: BUILDER_VERSION,
    ...(libuv === undefined ? {} : { libuv: { redirected: libuv.functions, poisoned: libuv.poisoned } }),
    packages: { [kind.nodePackage]: node.version, ...packagesOf(runtime) },
    source,
    segments,
    files: readFs(fs),
  });
  const options = optionsOf(source, kind.name, request.profile, interpreter);
  const image = encodeImage({ segments, kernel: kernel.symbols, manifest, options });
  writeAtomically(path, image.pieces);
  writeRecord(path, requestText, states);
  return { path, size: image.size, sha256: image.sha256.toString('hex'), sites };
}
