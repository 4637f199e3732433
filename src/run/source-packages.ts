import * as path from 'node:path';
import { patchesFor } from '../builder/patches.ts';
import { endsAll, LockstepError } from '../core/errors.ts';
import { exists, makeDirectoryAtomic } from '../core/files.ts';
import type { SourceNotes } from '../ledger/schema.ts';
import type { Module } from '../model/modules.ts';
import type { SourcePackageRef } from '../model/packages.ts';
import type { Target } from '../model/plans.ts';
import { guardSource } from '../packager/guard.ts';
import { type KeyringInputs, keyringSource } from '../packager/keyring.ts';
import { moduleSource, recipeSource } from '../packager/module-source.ts';
import {
  type OwnSource,
  ownSourceRef,
  sourceFileName,
  writeOwnSource,
} from '../packager/source-package.ts';
import type { Context } from './context.ts';
import { makeModuleSource, sourceFolder, takePublishedSource } from './source-files.ts';
import { maintainerOf } from './suite-update.ts';
import type { Survey } from './survey.ts';

/** What a command has asked the archives for: once is enough. */
const asked = new WeakMap<Context, Set<string>>();

/**
 * The source packages of what is published, in the state's `source-packages`, a folder each. Debian's own where that is
 * what was built; else one that is made of what was unpacked. docs/source-packages.md
 */
export class SourcePackages {
  readonly #context: Context;
  readonly #survey: Survey;
  readonly #maintainer: string;
  readonly #directory: string;
  readonly #notes: SourceNotes;
  readonly #warned = new Set<string>();
  /** Those that are known to be there. */
  readonly #there = new Set<string>();
  #recipe: Promise<SourcePackageRef> | undefined;

  private constructor(context: Context, survey: Survey, notes: SourceNotes) {
    this.#context = context;
    this.#survey = survey;
    this.#notes = notes;
    this.#maintainer = maintainerOf(context);
    this.#directory = sourceFolder(context.config.state);
  }

  /**
   * Gets from the archives what is packaged for the first time. What can't be got is a warning: the packages are
   * published, and the source follows.
   *
   * @throws LockstepError INTERRUPTED, DISK_FULL
   */
  static async open(
    context: Context,
    survey: Survey,
    targets: readonly Target[],
  ): Promise<SourcePackages> {
    const sources = new SourcePackages(context, survey, await context.ledger.sourceNotes());
    await sources.#getAll(targets);
    await context.ledger.setSourceNotes(sources.#notes);
    return sources;
  }

  #folderOf(ref: SourcePackageRef): string {
    return path.join(this.#directory, sourceFileName(ref));
  }

  /** Undefined: the target's packages have a source package that is made here. */
  #archivesOwn({ module, kernel }: Target): SourcePackageRef | undefined {
    const { source } = module;
    const isOwn =
      source.kind === 'package' &&
      patchesFor(module, kernel).length === 0 &&
      this.#notes[source.sha256] !== 'made';
    return isOwn ? { name: source.source, version: source.sourceVersion } : undefined;
  }

  async #getAll(targets: readonly Target[]): Promise<void> {
    const wanted = new Map<string, { ref: SourcePackageRef; modules: Set<Module> }>();
    for (const target of targets) {
      const isPackaged = target.record?.outcome === 'built' || target.verdict === 'in-tree';
      const ref =
        isPackaged && target.withheld === undefined && target.suites.length > 0
          ? this.#archivesOwn(target)
          : undefined;
      if (ref !== undefined) {
        const { sha256 } = target.module.source;
        const entry = wanted.get(sha256) ?? { ref, modules: new Set() };
        wanted.set(sha256, { ref, modules: entry.modules.add(target.module) });
      }
    }
    const known = asked.get(this.#context) ?? new Set();
    asked.set(this.#context, known);
    for (const [sha256, { ref, modules }] of wanted) {
      const isThere = this.#notes[sha256] === 'archive' && (await this.#isThere(ref));
      if (!isThere && !known.has(sha256) && !(await this.#get(sha256, ref, modules))) {
        known.add(sha256);
      }
    }
  }

  async #isThere(ref: SourcePackageRef): Promise<boolean> {
    const name = sourceFileName(ref);
    if (!this.#there.has(name) && (await exists(this.#folderOf(ref)))) {
      this.#there.add(name);
    }
    return this.#there.has(name);
  }

  /** @returns whether the archive's own is there, or known to be nowhere */
  async #get(
    sha256: string,
    ref: SourcePackageRef,
    modules: ReadonlySet<Module>,
  ): Promise<boolean> {
    const what = `the source ${ref.name} ${ref.version}`;
    try {
      if ((await this.#recover(ref)) || (await this.#fetch(ref, modules))) {
        this.#notes[sha256] = 'archive';
        return true;
      }
      if (this.#notes[sha256] === undefined) {
        this.#notes[sha256] = 'made';
        this.#warn('SOURCE_MADE', `no archive has ${what}: one is made of what was unpacked`);
        return true;
      }
    } catch (error) {
      if (this.#context.signal.aborted || endsAll(error)) {
        throw error;
      }
      const message = error instanceof Error ? error.message : String(error);
      this.#warn(
        'SOURCE_MISSING',
        `${what} can't be fetched now, and is published later: ${message}`,
      );
    }
    return false;
  }

  async #fetch(ref: SourcePackageRef, modules: ReadonlySet<Module>): Promise<boolean> {
    const places = new Set([...modules].map(({ from }) => from));
    const archives = this.#context.archives.filter(
      ({ archive }) =>
        places.has(archive.name) || archive.suites.some((suite) => places.has(suite)),
    );
    for (const { archive } of archives) {
      const { sourceRoot } = archive;
      const files = await sourceRoot.find(ref);
      if (files !== undefined) {
        const bytes = files.reduce((sum, { size }) => sum + size, 0);
        this.#context.emit({ type: 'fetch', what: `source of ${ref.name}`, bytes });
        try {
          await makeDirectoryAtomic(this.#folderOf(ref), (temporary) =>
            sourceRoot.fetch(files, temporary),
          );
          return true;
        } catch (error) {
          if (!(error instanceof LockstepError && error.code === 'SOURCE_UNAVAILABLE')) {
            throw error;
          }
        }
      }
    }
    return false;
  }

  /** Takes a source package that is published already, when the state lacks it. */
  async #recover(ref: SourcePackageRef): Promise<boolean> {
    if (await this.#isThere(ref)) {
      return true;
    }
    const { directory } = this.#context.config.repository;
    return await takePublishedSource(directory, ref, this.#folderOf(ref));
  }

  #warn(code: string, message: string): void {
    if (!this.#warned.has(message)) {
      this.#warned.add(message);
      this.#context.emit({ type: 'warning', code, message });
    }
  }

  /**
   * The source packages of a target's packages: the one they are built from, and that of the recipe where the first has
   * not got it. Made when they are not there yet.
   *
   * @param known those that a package of the same build is published with
   * @throws LockstepError as the archive's fetch does, SOURCE_UNAVAILABLE, DISK_FULL
   */
  async of(target: Target, known?: readonly SourcePackageRef[]): Promise<SourcePackageRef[]> {
    if (known !== undefined) {
      const there = await Promise.all(known.map((ref) => this.#recover(ref)));
      if (there.every(Boolean)) {
        return [...known];
      }
    }
    const own = this.#archivesOwn(target);
    if (own !== undefined) {
      this.#recipe ??= this.#made(recipeSource());
      return [own, await this.#recipe];
    }
    const { module, kernel } = target;
    const patches = patchesFor(module, kernel);
    const inputs = { module, patches, maintainer: this.#maintainer };
    const ref = moduleSource(inputs);
    if (!(await this.#isThere(ref))) {
      await makeModuleSource(this.#context, this.#survey, target, inputs, this.#folderOf(ref));
    }
    return [ref];
  }

  /** A source package of files alone; made when it is not there yet. */
  async #made(source: OwnSource): Promise<SourcePackageRef> {
    const ref = ownSourceRef(source, this.#maintainer);
    if (!(await this.#isThere(ref))) {
      await writeOwnSource(this.#folderOf(ref), source, this.#maintainer);
    }
    return ref;
  }

  /** The guard's source package. */
  async guard(): Promise<SourcePackageRef[]> {
    return [await this.#made(guardSource())];
  }

  /** The source package of the repository's keyring. */
  async keyring(inputs: KeyringInputs): Promise<SourcePackageRef[]> {
    return [await this.#made(keyringSource(inputs, this.#context.config.repository.origin))];
  }

  /** Paths of the `.dsc` files of some source packages; one that is not there is a warning. */
  async filesOf(refs: Iterable<SourcePackageRef>): Promise<string[]> {
    const files: string[] = [];
    for (const ref of new Map([...refs].map((entry) => [sourceFileName(entry), entry])).values()) {
      if (await this.#recover(ref)) {
        files.push(path.join(this.#folderOf(ref), `${sourceFileName(ref)}.dsc`));
      } else {
        const message = `the source ${ref.name} ${ref.version} of published packages is not there`;
        this.#warn('SOURCE_MISSING', message);
      }
    }
    return files.toSorted();
  }
}
