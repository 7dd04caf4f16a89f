/** What `torch.serialization` has. https://pytorch.org/docs/stable/notes/serialization.html */
export { OrderedDict } from './pickle/values.ts';
export type { PickleLimits } from './pickle/unpickler.ts';
export type { ClassCodec } from './registry.ts';
export {
  addSafeGlobals,
  clearSafeGlobals,
  getSafeGlobals,
  type LoadOptions,
  load,
  type MapLocation,
  type SafeGlobal,
  safeGlobals,
  save,
} from './serialization.ts';
