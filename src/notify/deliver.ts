import { LockstepError } from '../core/errors.ts';
import { runProgram } from '../programs/run.ts';
import { type Notice, subjectOf, textOf } from './notices.ts';

/** Who is told. */
export interface Channels {
  /** A program; it gets the notice as JSON on standard input. */
  command?: string | undefined;
  /** Addresses; mail goes out by the system's sendmail. */
  mail?: readonly string[] | undefined;
  /** An address that gets the notice as JSON by POST. */
  webhook?: string | undefined;
}

export type ChannelName = keyof Channels;

const SENDMAIL = '/usr/sbin/sendmail';
const TIMEOUT = 30_000;

/** The names of the channels that are set. */
export function channelNames({ command, mail, webhook }: Channels): ChannelName[] {
  return [
    ...(command === undefined ? [] : (['command'] as const)),
    ...(mail === undefined || mail.length === 0 ? [] : (['mail'] as const)),
    ...(webhook === undefined ? [] : (['webhook'] as const)),
  ];
}

/**
 * Tells one channel of a notice.
 *
 * @param origin of the repository
 * @throws LockstepError PROGRAM_FAILED, ENVIRONMENT when it can't be delivered now
 */
export async function deliver(
  channel: ChannelName,
  channels: Channels,
  notice: Notice,
  origin: string,
  signal: AbortSignal,
): Promise<void> {
  const json = `${JSON.stringify({ origin, subject: subjectOf(notice), ...notice }, undefined, 1)}\n`;
  if (channel === 'command') {
    await runProgram(channels.command ?? '', [], { input: json, timeout: TIMEOUT, signal });
  } else if (channel === 'mail') {
    const to = channels.mail ?? [];
    const message = [
      `To: ${to.join(', ')}`,
      `Subject: ${encodeHeader(`[${origin}] ${subjectOf(notice)}`)}`,
      'MIME-Version: 1.0',
      'Content-Type: text/plain; charset=utf-8',
      'Content-Transfer-Encoding: 8bit',
      'Auto-Submitted: auto-generated',
      '',
      textOf(notice, origin),
    ].join('\n');
    await runProgram(SENDMAIL, ['-i', '--', ...to], { input: message, timeout: TIMEOUT, signal });
  } else {
    await post(channels.webhook ?? '', json, signal);
  }
}

async function post(url: string, body: string, signal: AbortSignal): Promise<void> {
  let status: number;
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body,
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT)]),
    });
    await response.body?.cancel();
    ({ status } = response);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new LockstepError('PROGRAM_FAILED', `the webhook can't be reached: ${message}`, {
      cause,
    });
  }
  if (status < 200 || status > 299) {
    throw new LockstepError('PROGRAM_FAILED', `the webhook answered ${status}`);
  }
}

/** A header's text (RFC 2047) when it is not plain ASCII. */
function encodeHeader(text: string): string {
  return /^[ -~]*$/.test(text) ? text : `=?utf-8?B?${Buffer.from(text).toString('base64')}?=`;
}
