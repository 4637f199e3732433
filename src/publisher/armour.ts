/** ASCII armour of OpenPGP (RFC 9580, section 6): the texts in which keys and signatures are published. */

const LINE = 64;

/** CRC-24 as RFC 4880, section 6.1, has it: gpg of bookworm wants it. */
function crc24(bytes: Uint8Array): Buffer {
  let crc = 0xb704ce;
  for (const byte of bytes) {
    crc ^= byte << 16;
    for (let bit = 0; bit < 8; bit += 1) {
      crc <<= 1;
      if ((crc & 0x1000000) !== 0) {
        crc ^= 0x1864cfb;
      }
    }
  }
  return Buffer.from([(crc >> 16) & 0xff, (crc >> 8) & 0xff, crc & 0xff]);
}

/**
 * Armours packets as gpg does.
 *
 * @param kind `PUBLIC KEY BLOCK`, `SIGNATURE`
 */
export function armour(kind: string, bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(new RegExp(`.{1,${LINE}}`, 'g')) ?? [];
  return [
    `-----BEGIN PGP ${kind}-----`,
    '',
    ...lines,
    `=${crc24(bytes).toString('base64')}`,
    `-----END PGP ${kind}-----`,
    '',
  ].join('\n');
}

/** The base64 of an armoured text's first block, without line ends and checksum. */
export function armourBody(text: string): string {
  const match = /^-----BEGIN PGP [A-Z ]+-----\n(?:[^\n]+\n)*\n(?<body>[^-]*)^-----END PGP /m.exec(
    text,
  );
  return (match?.groups?.['body'] ?? '')
    .split('\n')
    .filter((line) => !line.startsWith('='))
    .join('');
}

/** The packets of an armoured text's first block. */
export function dearmour(text: string): Buffer {
  return Buffer.from(armourBody(text), 'base64');
}

/** One armoured text with the packets of several; of one it is that very text. */
export function joinArmoured(kind: string, texts: readonly string[]): string {
  const [first = ''] = texts;
  return texts.length === 1 ? first : armour(kind, Buffer.concat(texts.map(dearmour)));
}

const SIGNATURE = '-----BEGIN PGP SIGNATURE-----\n';

/**
 * One clear-signed text with the signatures of several over the same text (RFC 9580, section 7).
 *
 * @throws Error when the texts are not the same
 */
export function joinSigned(messages: readonly string[]): string {
  const [first = ''] = messages;
  if (messages.length === 1) {
    return first;
  }
  const parts = messages.map((message) => {
    const at = message.lastIndexOf(SIGNATURE);
    return { text: message.slice(0, at), signature: message.slice(at) };
  });
  const text = parts[0]?.text ?? '';
  if (parts.some((part) => part.text !== text)) {
    throw new Error('signatures of different texts can not be joined');
  }
  return (
    text +
    joinArmoured(
      'SIGNATURE',
      parts.map(({ signature }) => signature),
    )
  );
}
