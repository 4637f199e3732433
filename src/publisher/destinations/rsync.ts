import * as path from 'node:path';
import { LockstepError } from '../../core/errors.ts';
import { rsync } from '../../programs/rsync.ts';
import type { Destination, Pushed } from './destination.ts';
import { PushNotes, readStates } from './states.ts';

export interface RsyncDestinationOptions {
  /** The repository's root. */
  directory: string;
  stateDirectory: string;
  /** `user@host:/path`, `host:/path` or `/path`. */
  destination: string;
  /** A file in the form of ssh_config(5), in the place of the user's own. */
  sshConfig?: string | undefined;
}

interface Step {
  args: readonly string[];
  rules: readonly string[];
}

/** What writers of this machine have not ended yet, and what is of no use elsewhere. */
const HIDDEN = '- .*';

/** Packages, indices under their hashes, keys and `.sources` files: nothing that is live refers to new ones. */
const CONTENT: Step = {
  args: ['--fsync', '--partial-dir=.rsync-partial'],
  rules: [
    HIDDEN,
    ...['+ /pool/***', '+ /dists/', '+ /dists/**/', '+ /dists/**/by-hash/SHA256/*', '- /dists/**'],
    ...['- /*/', '- /index.html', '+ /*'],
  ],
};

/** Indices under their plain names, all at once at the end. */
const INDICES: Step = {
  args: ['--fsync', '--checksum', '--delay-updates'],
  rules: [HIDDEN, '- by-hash/', '- /dists/*/InRelease', '+ /dists/', '+ /dists/**', '- *'],
};

const SWITCH: Step = {
  args: ['--fsync', '--checksum', '--delay-updates'],
  rules: ['+ /dists/', '+ /dists/*/', '+ /dists/*/InRelease', '- *'],
};

/** Pages; their time stamps differ by less than a second where a run wrote them twice. */
const SITE: Step = {
  args: ['--delete-delay', '--modify-window=-1'],
  rules: ['hide .*', '+ /status/***', '+ /index.html', '- *'],
};

/** Only removes; what is hidden here is old there, and goes too: parts of files that were never ended. */
const OLD: Step = {
  args: ['--delete', '--existing', '--ignore-existing'],
  rules: [
    'hide .*',
    ...[
      '+ /.*.asc.??????',
      '+ /.*.sources.??????',
      '+ /.index.html.??????',
      '+ /.rsync-partial/***',
    ],
    ...['+ /pool/***', '+ /dists/***', '- *'],
  ],
};

/**
 * A folder of this machine or of another one, by rsync(1), over ssh(1) with the user's own configuration for the host.
 * Needs rsync 3.2.4 or later on both sides.
 */
export class RsyncDestination implements Destination {
  readonly name: string;
  readonly #options: RsyncDestinationOptions;
  readonly #notes: PushNotes;

  constructor(options: RsyncDestinationOptions) {
    this.name = options.destination;
    this.#options = options;
    this.#notes = new PushNotes(options.stateDirectory);
  }

  async push(signal?: AbortSignal): Promise<Pushed> {
    const { live, kept } = await readStates(this.#options.directory);
    if (live.size === 0) {
      throw new LockstepError(
        'DESTINATION_FAILED',
        `nothing is published in ${this.#options.directory} that could be brought to ${this.name}`,
        { hint: 'lockstep run' },
      );
    }
    let changed = 0;
    const run = async (step: Step): Promise<void> => {
      changed += await this.#run(step, signal);
    };
    await run(CONTENT);
    await run(INDICES);
    const before = await this.#notes.get(this.name);
    // Whichever of them is live there when this is cut short.
    const possible = new Map(
      [...live].map(([suite, state]) => [
        suite,
        [...new Set([...(before?.get(suite) ?? []), state])],
      ]),
    );
    if (before !== undefined) {
      await this.#notes.set(this.name, possible);
    }
    await run(SWITCH);
    await run(SITE);
    // Who has just read the state of before may still want what it names.
    const isKept = (before ?? new Map<string, string[]>())
      .values()
      .every((states) => states.every((state) => kept.has(state)));
    if (before !== undefined && isKept) {
      await run(OLD);
    }
    await this.#notes.set(this.name, new Map([...live].map(([suite, state]) => [suite, [state]])));
    return { changed };
  }

  async #run({ args, rules }: Step, signal: AbortSignal | undefined): Promise<number> {
    const { directory, destination, sshConfig } = this.#options;
    const source = path.resolve(directory);
    const lines = await rsync({ args, rules, source, destination, sshConfig, signal });
    // Directories are made and dated on the way.
    return lines.filter((line) => /^(?:[<>]f|\*deleting)/.test(line)).length;
  }
}
