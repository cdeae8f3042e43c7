/** The connection of goms alone: listener and upstream, without the mesh above them. */
import { createMethodCodecs } from '../../dist/rpcx/learning-codec.js'
import { listenOn } from '../../dist/transport/listen.js'
import { createRpcListener } from '../../dist/transport/rpc-listener.js'
import { createRpcUpstream } from '../../dist/transport/rpc-upstream.js'
import { METHODS, methodName } from './payloads.mjs'

const codecs = new Map(Array.from({ length: METHODS }, (_, i) => [methodName(i), createMethodCodecs()]))

export async function serve() {
  const listener = createRpcListener({
    handler(received, responder) {
      const own = codecs.get(received.method)
      responder.reply(received.input(own), own)
    },
  })
  return listenOn(listener.server, 0, '127.0.0.1')
}

export async function open(port) {
  const upstream = createRpcUpstream()
  const address = { host: '127.0.0.1', port }
  const metadata = []
  return [...codecs].map(
    ([method, own]) =>
      (input) =>
        new Promise((reply, fail) => {
          const request = { service: 'bench', method, input, metadata, codecs: own, oneway: false, cancellable: true }
          upstream.send(address, request, { reply, fault: fail, error: fail })
        }),
  )
}
