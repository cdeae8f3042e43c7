/** goms with its defaults: typed calls without schemas, a synchronous handler. */
import { contract, rpc } from '../../dist/index.js'
import * as nodes from './goms-nodes.mjs'
import { METHODS, methodName } from './payloads.mjs'

const Bench = contract('bench', {
  rpc: Object.fromEntries(Array.from({ length: METHODS }, (_, i) => [methodName(i), rpc()])),
})

export const serve = () => nodes.serve(Bench, (input) => input)
export const open = (port) => nodes.open(port, Bench)
