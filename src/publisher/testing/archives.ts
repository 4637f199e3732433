const BLOCK = 512;

/** A file of a tar archive (ustar, tar(5)), as `dpkg-deb` writes it. */
function tarEntry(name: string, content: Buffer | undefined): Buffer {
  const header = Buffer.alloc(BLOCK);
  const prefix = name.length > 100 ? name.slice(0, name.lastIndexOf('/', 150)) : '';
  header.write(prefix === '' ? name : name.slice(prefix.length + 1), 0);
  const octal = (value: number, at: number, width: number): void => {
    header.write(value.toString(8).padStart(width - 1, '0'), at);
  };
  octal(content === undefined ? 0o755 : 0o644, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(content?.length ?? 0, 124, 12);
  octal(1_700_000_000, 136, 12);
  header.write('        ', 148);
  header.write(content === undefined ? '5' : '0', 156);
  header.write('ustar\u000000', 257, 'latin1');
  header.write(prefix, 345);
  octal(
    header.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  );
  const data = content ?? Buffer.alloc(0);
  return Buffer.concat([header, data, Buffer.alloc((BLOCK - (data.length % BLOCK)) % BLOCK)]);
}

/** A tar archive of files, with the folders they are in. */
export function tarOf(files: readonly (readonly [string, string | Buffer])[]): Buffer {
  const entries: Buffer[] = [tarEntry('./', undefined)];
  const folders = new Set<string>();
  for (const [name, content] of files) {
    const parts = name.split('/').slice(0, -1);
    for (let depth = 2; depth <= parts.length; depth += 1) {
      const folder = `${parts.slice(0, depth).join('/')}/`;
      if (!folders.has(folder)) {
        folders.add(folder);
        entries.push(tarEntry(folder, undefined));
      }
    }
    entries.push(tarEntry(name, Buffer.from(content)));
  }
  const all = Buffer.concat([...entries, Buffer.alloc(2 * BLOCK)]);
  return Buffer.concat([all, Buffer.alloc((10_240 - (all.length % 10_240)) % 10_240)]);
}

/** A member of an ar archive, which begins with `!<arch>\n`. */
export function arMember(name: string, content: Buffer): Buffer {
  const header = `${name.padEnd(16)}1700000000  0     0     100644  ${String(content.length).padEnd(10)}\`\n`;
  return Buffer.concat([Buffer.from(header), content, Buffer.alloc(content.length % 2, '\n')]);
}
