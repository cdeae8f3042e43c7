/** The connection of goms with a trace of its own for each call: made, sent, and read by the node. */
import { newTraceWords } from '../../dist/telemetry/trace-context.js'
import * as wire from './goms-wire.mjs'

export const serve = () =>
  wire.serveWith((received) => {
    // Before the node has said that it knows brief metadata it comes as text.
    if (received.trace === undefined && received.metadata('traceparent') === undefined) throw new Error('no trace')
  })

export const open = (port) =>
  wire.openWith(
    port,
    (send) => (input) =>
      new Promise((reply, fail) => send(input, undefined, newTraceWords(), { reply, fault: fail, error: fail })),
  )
