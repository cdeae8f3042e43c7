/** The connection of goms with a deadline for each call: watched by the caller, sent, and read by the node. */
import { systemClock } from '../../dist/core/clock.js'
import { createDeadlineSweep, NO_PLACE } from '../../dist/core/deadline-sweep.js'
import * as wire from './goms-wire.mjs'

const TIMEOUT_MS = 5000

export const serve = () =>
  wire.serveWith((received) => {
    const leftMs = received.deadlineMs ?? Number(received.metadata('__ServerTimeout'))
    if (!(leftMs <= TIMEOUT_MS)) throw new Error('a deadline that grew, or none')
  })

class Waiting {
  place = NO_PLACE

  constructor(deadlines, resolve, reject) {
    this.deadlines = deadlines
    this.resolve = resolve
    this.reject = reject
  }

  due() {
    this.handle.abort()
    this.reject(new Error('too late'))
  }

  reply(output) {
    this.deadlines.remove(this)
    this.resolve(output)
  }

  error(error) {
    this.deadlines.remove(this)
    this.reject(error)
  }

  fault(fault) {
    this.error(fault)
  }
}

export function open(port) {
  const deadlines = createDeadlineSweep(systemClock)
  return wire.openWith(
    port,
    (send) => (input) =>
      new Promise((resolve, reject) => {
        const waiting = new Waiting(deadlines, resolve, reject)
        deadlines.add(waiting, TIMEOUT_MS, systemClock.now())
        waiting.handle = send(input, TIMEOUT_MS, undefined, waiting)
      }),
  )
}
