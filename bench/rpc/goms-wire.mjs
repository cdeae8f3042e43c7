/** The connection of goms alone: listener and upstream, without the mesh above them. */
import { createMethodCodecs } from '../../dist/rpcx/learning-codec.js'
import { listenOn } from '../../dist/transport/listen.js'
import { createRpcListener } from '../../dist/transport/rpc-listener.js'
import { createRpcUpstream } from '../../dist/transport/rpc-upstream.js'
import { METHODS, methodName } from './payloads.mjs'

const codecs = new Map(Array.from({ length: METHODS }, (_, i) => [methodName(i), createMethodCodecs()]))

export const serve = () => serveWith(() => {})

/** @param receive looks at a request before it is answered */
export function serveWith(receive) {
  const listener = createRpcListener({
    handler(received, responder) {
      receive(received)
      const own = codecs.get(received.method)
      responder.reply(received.input(own), own)
    },
  })
  return listenOn(listener.server, 0, '127.0.0.1')
}

const NONE = []

export const open = (port) =>
  openWith(
    port,
    (send) => (input) => new Promise((reply, fail) => send(input, NONE, { reply, fault: fail, error: fail })),
  )

/** @param toCall makes of `send(input, metadata, events)` what is called, once for each method */
export async function openWith(port, toCall) {
  const upstream = createRpcUpstream()
  const address = { host: '127.0.0.1', port }
  return [...codecs].map(([method, own]) =>
    toCall((input, metadata, events) => {
      const request = { service: 'bench', method, input, metadata, codecs: own, oneway: false, cancellable: true }
      return upstream.send(address, request, events)
    }),
  )
}
