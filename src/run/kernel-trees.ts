import type { ArchiveGroup } from '../archive/group.ts';
import { type KernelTree, openKernelTree } from '../builder/kernel-tree.ts';
import type { Store } from '../builder/store.ts';
import type { Target } from '../model/plans.ts';
import { kernelId } from '../planner/names.ts';
import { parseSymvers, type SymbolTable } from '../verifier/symvers.ts';
import type { Context } from './context.ts';

/** Kernel trees and symbol tables of one run, read once for all modules. */
export class KernelTrees {
  readonly #store: Store;
  readonly #trees = new Map<string, Promise<KernelTree>>();
  readonly #symbols = new Map<string, SymbolTable>();

  constructor(store: Store) {
    this.#store = store;
  }

  open(target: Target): Promise<KernelTree> {
    const { kernel } = target;
    const id = kernelId(kernel);
    const tree = this.#trees.get(id) ?? openKernelTree(kernel, this.#store);
    this.#trees.set(id, tree);
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
