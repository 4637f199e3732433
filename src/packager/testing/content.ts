import type { DebContent } from '../deb-tree.ts';

/** A small package with a bit of everything. */
export const CONTENT: DebContent = {
  control: [
    ['Package', 'demo-modules-6.12.117+deb13-amd64'],
    ['Version', '1:1.0-1+6.12.117+1'],
    ['Architecture', 'amd64'],
    ['Maintainer', 'A <a@example.org>'],
    ['Homepage', undefined],
    ['Description', 'a package\n with more text'],
  ],
  files: [
    { at: 'usr/share/doc/demo/copyright', content: 'ä text' },
    { at: 'lib/modules/6.12/updates/demo.ko.xz', content: Buffer.alloc(3000, 7) },
  ],
  scripts: { postinst: '#!/bin/sh\nset -e\n' },
  epoch: 1_700_000_000,
};
