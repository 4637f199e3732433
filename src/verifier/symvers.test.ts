import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LockstepError } from '../core/errors.ts';
import { parseSymvers } from './symvers.ts';

function codeOf(text: string): string {
  try {
    parseSymvers(text);
    return 'none';
  } catch (error) {
    return error instanceof LockstepError ? error.code : String(error);
  }
}

describe('parseSymvers', () => {
  it('reads the columns of a kernel of today and of one without namespaces', () => {
    const table = parseSymvers(
      [
        '0xf7370f56\tsystem_state\tvmlinux\tEXPORT_SYMBOL\t',
        '0xbea5ff1e\tiwl_x\tdrivers/net/wireless/intel/iwlwifi/iwlwifi\tEXPORT_SYMBOL_GPL\tIWLWIFI',
        '0x00000000\told\tvmlinux\tEXPORT_UNUSED_SYMBOL_GPL',
        '0x00000001\tsoon\tvmlinux\tEXPORT_SYMBOL_GPL_FUTURE',
        '',
      ].join('\n'),
    );
    expect([...table]).toEqual([
      ['system_state', { crc: 0xf7370f56, module: 'vmlinux', gplOnly: false, namespace: '' }],
      [
        'iwl_x',
        {
          crc: 0xbea5ff1e,
          module: 'drivers/net/wireless/intel/iwlwifi/iwlwifi',
          gplOnly: true,
          namespace: 'IWLWIFI',
        },
      ],
      ['old', { crc: 0, module: 'vmlinux', gplOnly: true, namespace: '' }],
      ['soon', { crc: 1, module: 'vmlinux', gplOnly: false, namespace: '' }],
    ]);
  });

  it('takes the first line of a symbol', () => {
    const line = (crc: number): string => `0x0000000${crc}\ttwice\tvmlinux\tEXPORT_SYMBOL\t\n`;
    expect(parseSymvers(line(1) + line(2)).get('twice')?.crc).toBe(1);
  });

  it.each([
    ['spaces for tabs', '0x00000001 a vmlinux EXPORT_SYMBOL', /CRC/],
    ['no CRC', 'a\tb\tvmlinux\tEXPORT_SYMBOL\t', /CRC/],
    ['a CRC too long', '0x123456789\ta\tvmlinux\tEXPORT_SYMBOL\t', /CRC/],
    ['no name', '0x00000001\t\tvmlinux\tEXPORT_SYMBOL\t', /columns/],
    ['a column too many', '0x00000001\ta\tvmlinux\tEXPORT_SYMBOL\t\t', /columns/],
    [
      'an unknown export type',
      '0x00000001\ta\tvmlinux\tEXPORT\t',
      /"EXPORT" is not an export type/,
    ],
    ['a cut line', '0x00000001\ta\tvmlin', /columns|export type/],
  ])('refuses %s and says in which line', (_what, line, why) => {
    const text = `0x00000002\tfine\tvmlinux\tEXPORT_SYMBOL\t\n${line}\n`;
    expect(() => parseSymvers(text)).toThrow(LockstepError);
    expect(() => parseSymvers(text)).toThrow(/Module\.symvers, line 2: /);
    expect(() => parseSymvers(text)).toThrow(why);
  });

  it('reads back any table', () => {
    const word = fc.stringMatching(/^[A-Za-z_][\w./-]{0,30}$/);
    const entry = fc.tuple(
      word,
      fc.nat(0xffffffff),
      word,
      fc.boolean(),
      fc.option(word, { nil: '' }),
    );
    fc.assert(
      fc.property(fc.uniqueArray(entry, { selector: ([name]) => name }), (entries) => {
        const text = entries
          .map(
            ([name, crc, module, gpl, namespace]) =>
              `0x${crc.toString(16).padStart(8, '0')}\t${name}\t${module}\tEXPORT_SYMBOL${gpl ? '_GPL' : ''}\t${namespace}\n`,
          )
          .join('');
        expect([...parseSymvers(text)]).toEqual(
          entries.map(([name, crc, module, gplOnly, namespace]) => [
            name,
            { crc, module, gplOnly, namespace },
          ]),
        );
      }),
    );
  });

  it('throws nothing but VERIFY_FAILED on any text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('0', 'x', '\t', '\n', 'a', 'EXPORT_SYMBOL') }),
        (text) => {
          expect(codeOf(text)).toMatch(/^(?:none|VERIFY_FAILED)$/);
        },
      ),
    );
  });
});
