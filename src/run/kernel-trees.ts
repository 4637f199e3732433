import type { ArchiveGroup } from '../archive/group.ts';
import { type KernelTree, openKernelTree } from '../builder/kernel-tree.ts';
import type { Store } from '../builder/store.ts';
import type { Target } from '../model/plans.ts';
import { kernelId } from '../planner/names.ts';
import { parseSymvers, type SymbolTable } from '../verifier/symvers.ts';
import type { Context } from './context.ts';

/** Kernels that are kept, some megabytes each: builds for one kernel come mostly together. */
const KEPT = 8;

/** Kernel trees and symbol tables, read once for all modules that are built for a kernel at about the same time. */
export class KernelTrees {
  readonly #store: Store;
  #trees = new Map<string, Promise<KernelTree>>();
  #symbols = new Map<string, SymbolTable>();

  constructor(store: Store) {
    this.#store = store;
  }

  open(target: Target): Promise<KernelTree> {
    const { kernel } = target;
    const id = kernelId(kernel);
    const tree = this.#trees.get(id) ?? openKernelTree(kernel, this.#store);
    // The one that was asked for last is the last to go.
    this.#trees.delete(id);
    this.#trees.set(id, tree);
    this.#trees = new Map([...this.#trees].slice(-KEPT));
    this.#symbols = new Map([...this.#symbols].filter(([known]) => this.#trees.has(known)));
    // The next module of the kernel tries again.
    tree.catch(() => this.#trees.delete(id));
    return tree;
  }

  symbolsOf(tree: KernelTree): SymbolTable {
    const id = kernelId(tree.kernel);
    const symbols = this.#symbols.get(id) ?? parseSymvers(tree.symvers);
    this.#symbols.set(id, symbols);
    return symbols;
  }
}

/** The kernel trees of a run, by the archive that their headers come from. */
export class TreesOfArchives {
  readonly #context: Context;
  readonly #trees = new Map<ArchiveGroup, KernelTrees>();

  constructor(context: Context) {
    this.#context = context;
  }

  of(archive: ArchiveGroup): KernelTrees {
    const trees = this.#trees.get(archive) ?? new KernelTrees(this.#context.storeOf(archive));
    this.#trees.set(archive, trees);
    return trees;
  }
}
