/**
 * Brings the blocks of dead storages back to the heap.
 *
 * Storages share an owner object by groups of similar size (a slab): each storage holds its slab's owner, nothing holds the
 * storages. When the owner is garbage all of them are. That is found out by a FinalizationRegistry whenever the event loop
 * turns, and in Node by a sweep over weak references when live memory has grown well past what the last sweep left. Disposed
 * storages leave their slab at once; a slab whose members were all disposed is used again, so that code which disposes pays
 * for no registration. A large storage is a slab of its own. A long-lived storage keeps at most the rest of its slab from
 * being freed, which is why slabs are few members long where members are large.
 */
import { canCollectGarbage, collectGarbage } from '../gc.ts';
import { releaseScopes } from '../scope.ts';
import type { Storage } from '../storage.ts';
import type { Heap } from './heap.ts';

const MIB = 2 ** 20;

/** Groups of sizes and how many storages of each share a slab. The last group holds all larger ones. */
const GROUPS: readonly { readonly limit: number; readonly members: number }[] = [
  { limit: 256, members: 64 },
  { limit: 1024, members: 32 },
  { limit: 4096, members: 16 },
  { limit: 16384, members: 8 },
  { limit: 65536, members: 4 },
  { limit: Number.POSITIVE_INFINITY, members: 1 },
];

/** What the blocks of a slab are. It holds no storage and not the owner, so that both can become garbage. */
class Slab {
  readonly group: number;
  readonly addresses: number[];
  readonly sizes: number[];
  /** How many places were given out since the slab was last empty. */
  used = 0;
  /** How many of them hold a block that was not given back. */
  live = 0;
  /** Null where the host has no sweep. */
  reference: WeakRef<SlabOwner> | null = null;
  /** The slab's place in the list of all slabs; -1 once its owner is dead. */
  index = -1;

  constructor(group: number) {
    const { members } = GROUPS[group];
    this.group = group;
    this.addresses = new Array<number>(members).fill(0);
    this.sizes = new Array<number>(members).fill(0);
  }
}

/** What the storages of a slab hold: its death is theirs. */
class SlabOwner {
  readonly slab: Slab;

  constructor(slab: Slab) {
    this.slab = slab;
  }
}

function groupOf(nbytes: number): number {
  if (nbytes <= 256) return 0;
  if (nbytes <= 1024) return 1;
  if (nbytes <= 4096) return 2;
  if (nbytes <= 16384) return 3;
  return nbytes <= 65536 ? 4 : 5;
}

/** At most this many empty slabs per group are kept for later. */
const MAX_SPARE = 256;

/** A sweep may take this share of the time since the one before it. */
const SWEEP_SHARE = 0.04;
const MIN_GROWTH = 64 * MIB;
const MAX_GROWTH = 256 * MIB;

export class Reclaimer {
  /** When the heap's live bytes pass this, `relieve` should be called. */
  limit: number = MIN_GROWTH;
  private readonly heap: Heap;
  private readonly slabs: Slab[] = [];
  private readonly open: (SlabOwner | null)[] = GROUPS.map(() => null);
  private readonly spare: SlabOwner[][] = GROUPS.map(() => []);
  private registry: FinalizationRegistry<Slab>;
  /** Slabs that sweeps found dead while the registry still holds them. */
  private stale = 0;
  private growth = MIN_GROWTH;
  private sweptAt = 0;

  constructor(heap: Heap) {
    this.heap = heap;
    this.registry = this.newRegistry();
  }

  /** How many slabs are known: each cost a registration. */
  get slabCount(): number {
    return this.slabs.length;
  }

  /** Makes a new storage's block come back when the storage is garbage. */
  adopt(storage: Storage): void {
    const { nbytes } = storage;
    const group = groupOf(nbytes);
    let owner = this.open[group];
    if (owner === null) owner = this.nextOwner(group);
    const { slab } = owner;
    const place = slab.used++;
    slab.addresses[place] = storage.address;
    slab.sizes[place] = nbytes;
    slab.live++;
    storage.owner = owner;
    storage.place = place;
    if (slab.used === slab.addresses.length) this.open[group] = null;
  }

  /** The storage's block was given back by `dispose`: it leaves its slab. */
  abandon(storage: Storage): void {
    const owner = storage.owner as SlabOwner;
    const { slab } = owner;
    slab.addresses[storage.place] = -1;
    storage.owner = null;
    slab.live--;
    if (slab.live === 0) {
      const { group } = slab;
      slab.used = 0;
      if (this.open[group] !== owner && this.spare[group].length < MAX_SPARE) this.spare[group].push(owner);
    } else if (storage.place === slab.used - 1 && this.open[slab.group] === owner) slab.used--;
  }

  /**
   * Finds dead storages at once and frees their blocks; does nothing where the host cannot collect garbage inside
   * synchronous code. Returns how many bytes came back.
   */
  sweep(): number {
    if (!canCollectGarbage()) return 0;
    // A slab that is still being filled is held from here.
    this.open.fill(null);
    for (const spare of this.spare) spare.length = 0;
    const pruneScopes = releaseScopes();
    const collected = collectGarbage();
    pruneScopes();
    if (!collected) return 0;
    const before = this.heap.liveBytes;
    const { slabs } = this;
    for (let i = slabs.length - 1; i >= 0; i--) {
      const slab = slabs[i];
      if (slab.reference?.deref() === undefined) {
        this.bury(slab);
        this.stale++;
      }
    }
    if (this.stale > slabs.length + 1024) this.renewRegistry();
    return before - this.heap.liveBytes;
  }

  /** Live memory has passed the limit: sweeps, and decides when to look again. */
  relieve(): void {
    const start = now();
    if (canCollectGarbage()) this.sweep();
    else provokeCollection(this.growth);
    const end = now();
    // Cheap sweeps may come often, expensive ones (of a large JavaScript heap) must be rare.
    const share = (end - start) / Math.max(end - this.sweptAt, 1e-3);
    if (share > SWEEP_SHARE) this.growth = Math.min(this.growth * 2, MAX_GROWTH);
    else if (share < SWEEP_SHARE / 4) this.growth = Math.max(this.growth / 2, MIN_GROWTH);
    this.sweptAt = end;
    this.limit = this.heap.liveBytes + Math.max(this.growth, this.heap.liveBytes / 4);
  }

  /** An owner that storages of the group can join; the open one of its group where several fit. */
  private nextOwner(group: number): SlabOwner {
    const owner = this.spare[group].pop() ?? this.newOwner(group);
    this.open[group] = owner;
    return owner;
  }

  private newOwner(group: number): SlabOwner {
    const slab = new Slab(group);
    const owner = new SlabOwner(slab);
    if (canCollectGarbage()) slab.reference = new WeakRef(owner);
    this.registry.register(owner, slab);
    slab.index = this.slabs.length;
    this.slabs.push(slab);
    return owner;
  }

  private newRegistry(): FinalizationRegistry<Slab> {
    return new FinalizationRegistry<Slab>((slab) => this.bury(slab));
  }

  /**
   * Inside synchronous code a registry keeps what it knows of the dead until the event loop turns, and every collection
   * looks at that again. A new registry of the living is cheaper.
   */
  private renewRegistry(): void {
    this.registry = this.newRegistry();
    this.stale = 0;
    for (const slab of this.slabs) {
      const owner = slab.reference?.deref();
      if (owner !== undefined) this.registry.register(owner, slab);
    }
  }

  /** The owner of a slab is dead: frees what its storages held. Happens once per slab. */
  private bury(slab: Slab): void {
    if (slab.index < 0) return;
    const last = this.slabs.pop() as Slab;
    if (last !== slab) {
      this.slabs[slab.index] = last;
      last.index = slab.index;
    }
    slab.index = -1;
    for (let i = 0; i < slab.used; i++) {
      if (slab.addresses[i] >= 0) this.heap.free(slab.addresses[i], slab.sizes[i]);
    }
  }
}

function now(): number {
  return performance.now();
}

/**
 * Where nothing can collect garbage on request, large buffers that are dropped at once make the engine feel the pressure
 * that the heap is under; dead storages then come back when the event loop turns.
 */
function provokeCollection(nbytes: number): void {
  for (let made = 0; made < nbytes; made += 32 * MIB) new ArrayBuffer(32 * MIB);
}
