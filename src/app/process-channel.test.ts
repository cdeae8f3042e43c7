import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { manualClock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import { type Channel, createChannel, type Handle, type Handlers } from './process-channel.ts'

interface Asks {
  double(input: number): number
  later(input: undefined): string
  note(input: string): void
}
interface None {
  nothing(input: undefined): void
}

/** Two ends; what is sent arrives in a microtask, as a copy. */
function pair(handlers: Partial<Handlers<Asks>>) {
  const clock = manualClock()
  let left: Channel<Asks> | undefined
  let right: Channel<None> | undefined
  let broken = false
  const carry = (to: () => Channel<Asks> | Channel<None> | undefined) => {
    return (message: object, handle: Handle | undefined, done: (error: Error | null) => void) => {
      if (broken) return done(new Error('the channel is closed'))
      const copy = structuredClone(message)
      queueMicrotask(() => {
        to()?.receive(copy, handle)
        done(null)
      })
    }
  }
  right = createChannel<Asks, None>(
    carry(() => left),
    handlers as Handlers<Asks>,
    clock,
  )
  left = createChannel<None, Asks>(
    carry(() => right),
    { nothing() {} },
    clock,
  )
  return {
    ...{ clock, left },
    break() {
      broken = true
    },
  }
}

test('questions come back with their own answers, errors with code and detail', async () => {
  const { left } = pair({
    double: async (n) => {
      if (n < 0) throw new GomsError('GOMS_PORT_IN_USE', 'taken', { detail: { found: 'somebody' } })
      await Promise.resolve()
      return 2 * n
    },
  })
  expect(await Promise.all([left.ask('double', 1), left.ask('double', 2)])).toEqual([2, 4])
  await expect(left.ask('double', -1)).rejects.toMatchObject({
    ...{ code: 'GOMS_PORT_IN_USE', message: 'taken', detail: { found: 'somebody' } },
  })
})

test('a question has a bound, and what comes later is nobody’s', async () => {
  let answer: (text: string) => void = () => {}
  const { left, clock } = pair({
    later: () =>
      new Promise((resolve) => {
        answer = resolve
      }),
  })
  const asked = left.ask('later', undefined, { boundMs: 200 })
  await Promise.resolve()
  clock.advance(200)
  await expect(asked).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })
  answer('too late')
  await Promise.resolve()
})

test('the end of the other side ends what was asked, and all that will be', async () => {
  const { left } = pair({ later: () => new Promise(() => {}) })
  const asked = left.ask('later', undefined)
  left.end('SIGKILL')
  await expect(asked).rejects.toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('SIGKILL') })
  await expect(left.ask('double', 1)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  let sent = false
  left.tell('note', 'lost', undefined, () => {
    sent = true
  })
  expect(sent).toBe(true)
})

test('what cannot be sent is told', async () => {
  const { left, break: cut } = pair({})
  cut()
  await expect(left.ask('double', 1)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
})

test('handles go along; messages of others are not taken', async () => {
  const seen: unknown[] = []
  const { left } = pair({ note: (text, handle) => void seen.push(text, handle) })
  const server = createServer()
  left.tell('note', 'with', server)
  await Promise.resolve()
  expect(seen).toEqual(['with', server])
  for (const strange of [undefined, 'text', { type: 'goms-ready' }, null])
    expect(left.receive(strange, undefined)).toBe(false)
})
