/** The tensor layer: importing it binds the op table to Tensor, autograd and the devices. */
import { registerDevice } from '../device/device.ts';
import { referenceDevice } from '../device/reference/device.ts';
import { cpu } from '../device/wasm/device.ts';
import * as ops from '../ops/index.ts';
import * as access from './access.ts';
import * as create from './create.ts';
import * as graph from './graph.ts';
import * as indexing from './indexing.ts';
import { installMethods } from './install.ts';
import './legacy.ts';
import * as random from './random.ts';
import './runtime.ts';

registerDevice(cpu);
registerDevice(referenceDevice);

installMethods(ops);
installMethods(access);
installMethods(create);
installMethods(graph);
installMethods(indexing);
installMethods(random);

export { Tensor } from './tensor.ts';
