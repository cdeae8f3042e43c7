/** Answers the routes that go-garden's gateways send to every node: not taken, and the sender goes on to the next node. */
import type { Log } from '../core/log.ts'
import type { RpcHandler } from '../transport/rpc.ts'

/** Theirs; `{ Yml }` in and `{ Result }` out. Source: panco95/go-garden, core/sync.go. */
const METHOD = 'SyncRoutes'

/**
 * An error here would end their round, and the Go nodes behind ours would keep their old routes. `Result: false` is what
 * theirs answer when they cannot write the file: it is logged there, and the round goes on.
 * Callers with a key are not theirs, and get what the service has under that name.
 */
export function refuseRoutes(handler: RpcHandler, log: Log): RpcHandler {
  let told = false
  return (received, responder) => {
    if (received.method !== METHOD || received.metadata('__AUTH') !== undefined) {
      handler(received, responder)
      return
    }
    if (!told) {
      told = true
      log.warn(
        'routes sent by a go-garden gateway are not taken: this node goes by its own files, or by goms routes push',
      )
    }
    responder.reply({ Result: false }, undefined)
  }
}
