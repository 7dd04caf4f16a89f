/** The tensor layer: importing it binds the op table to Tensor, autograd and the devices. */
import * as ops from '../ops/index.ts';
import * as access from './access.ts';
import * as create from './create.ts';
import * as graph from './graph.ts';
import * as indexing from './indexing.ts';
import { installMethods } from './install.ts';
import './runtime.ts';

installMethods(ops);
installMethods(access);
installMethods(create);
installMethods(graph);
installMethods(indexing);

export { Tensor } from './tensor.ts';
