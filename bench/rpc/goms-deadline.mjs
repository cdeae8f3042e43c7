/** The connection of goms with a deadline for each call: watched by the caller, sent, and read by the node. */
import { systemClock } from '../../dist/core/clock.js'
import { createDeadlineSweep } from '../../dist/core/deadline-sweep.js'
import * as wire from './goms-wire.mjs'

const NAME = '__ServerTimeout'
const TIMEOUT_MS = 5000

export const serve = () =>
  wire.serveWith((received) => {
    if (Number(received.metadata(NAME)) > TIMEOUT_MS) throw new Error('a deadline that grew')
  })

export function open(port) {
  const deadlines = createDeadlineSweep(systemClock)
  const metadata = [NAME, String(TIMEOUT_MS)]
  return wire.openWith(
    port,
    (send) => (input) =>
      new Promise((resolve, reject) => {
        const fail = (error) => {
          timer.cancel()
          reject(error)
        }
        const reply = (output) => {
          timer.cancel()
          resolve(output)
        }
        const timer = deadlines.after(TIMEOUT_MS, () => {
          waiting.abort()
          reject(new Error('too late'))
        })
        const waiting = send(input, metadata, { reply, fault: fail, error: fail })
      }),
  )
}
