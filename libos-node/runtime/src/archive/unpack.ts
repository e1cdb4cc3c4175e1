/** Unpacks an action's archive, zip or tar.gz by its first bytes, into an empty folder. What it refuses, it refuses with a reason. */
import { createGunzip } from 'node:zlib';
import { InitError, type InitErrorCode } from '../errors.ts';
import { type ArchiveLimits, archiveLimits, checkUnpacked } from './limits.ts';
import { TarReader } from './tar.ts';
import { ArchiveTree } from './tree.ts';
import { unpackZip } from './zip.ts';

const zipMagic = 0x504b0304;
const gzipDeflateMagic = 0x1f8b08;
const gunzipChunk = 256 * 1024;

export async function unpackArchive(
  archive: Buffer,
  folder: string,
  limits: ArchiveLimits = archiveLimits,
): Promise<void> {
  const magic = archive.length < 4 ? 0 : archive.readUInt32BE(0);
  const tree = new ArchiveTree(folder, archive.length, limits);
  if (magic === zipMagic) {
    await explain('ARCHIVE_ZIP', () => unpackZip(archive, tree, limits));
  } else if (magic >>> 8 === gzipDeflateMagic) {
    await explain('ARCHIVE_TAR', () => unpackTarGz(archive, tree, limits));
  } else {
    throw new InitError('ARCHIVE_TYPE');
  }
  await explain(magic === zipMagic ? 'ARCHIVE_ZIP' : 'ARCHIVE_TAR', () => tree.finish());
}

async function unpackTarGz(archive: Buffer, tree: ArchiveTree, limits: ArchiveLimits): Promise<void> {
  const gunzip = createGunzip({ chunkSize: gunzipChunk });
  gunzip.end(archive);
  const reader = new TarReader(tree, limits);
  try {
    let unpacked = 0;
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      // Counted here too: headers and what follows the end of the archive are work as well.
      unpacked += chunk.length;
      checkUnpacked(unpacked, archive.length, limits);
      reader.write(chunk);
      if (reader.ended) break;
    }
    reader.end();
  } finally {
    reader.close();
    gunzip.destroy();
  }
}

async function explain(code: InitErrorCode, work: () => Promise<void> | void): Promise<void> {
  try {
    await work();
  } catch (error) {
    // A full disk or a damaged gzip stream is as much a reason as an ArchiveError.
    throw new InitError(code, ` ${(error as Error).message}`);
  }
}
