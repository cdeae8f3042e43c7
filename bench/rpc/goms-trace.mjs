/** The connection of goms with a trace of its own for each call: made, sent, and read by the node. */
import { newTraceparent, rootOf } from '../../dist/telemetry/trace-context.js'
import * as wire from './goms-wire.mjs'

const NAME = 'traceparent'

export const serve = () =>
  wire.serveWith((received) => {
    if (rootOf(received.metadata(NAME)).traceId.length !== 32) throw new Error('no trace')
  })

export const open = (port) =>
  wire.openWith(
    port,
    (send) => (input) =>
      new Promise((reply, fail) => send(input, [NAME, newTraceparent()], { reply, fault: fail, error: fail })),
  )
