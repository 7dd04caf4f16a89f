/** Files: checkpoints of PyTorch, safetensors, arrays of NumPy. */
import './builtins.ts';

export { OSError } from './errors.ts';
export {
  type DeviceOption,
  loadNpy,
  loadNpz,
  loadSafetensors,
  type NamedTensors,
  saveNpy,
  saveNpz,
  saveSafetensors,
  safetensorsMetadata,
} from './exchange.ts';
export type { Sink, Source } from './files.ts';
export { type LoadOptions, load, type MapLocation, save } from './serialization.ts';
export * as serialization from './public.ts';
