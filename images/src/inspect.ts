/** What --inspect prints: an image in a few lines, for people. The whole record is in its manifest. */
import type { Image } from './image/read.ts';

const kindNames = { 1: 'kernel', 2: 'exe', 3: 'fs' } as const;

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

export function describeImage(image: Image): string {
  const rights = (prot: number): string => [...'rwx'].map((letter, bit) => ((prot >> bit) & 1 ? letter : '-')).join('');
  const lines = [`sha256    ${image.sha256.toString('hex')}`, `size      ${image.size}`];
  for (const [name, value] of Object.entries(image.kernel)) lines.push(`${name.padEnd(12)}${hex(value)}`);
  lines.push('', 'segments');
  for (const { kind, prot, vaddr, memSize, bytes } of image.segments) {
    lines.push(
      `  ${kindNames[kind].padEnd(7)} ${rights(prot)} ${hex(vaddr)}-${hex(vaddr + memSize)} ${bytes.length} bytes in the file`,
    );
  }
  lines.push('', 'options', ...image.options.map((option) => `  ${option}`));
  const count = (type: string): number => image.files.filter((file) => file.type === type).length;
  lines.push('', `files     ${count('file')} files, ${count('directory')} directories, ${count('link')} links`);
  for (const { path, sites } of image.files)
    if (sites.length > 0) lines.push(`  ${path}: ${sites.length} syscall sites`);
  return `${lines.join('\n')}\n`;
}
