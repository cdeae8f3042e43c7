import { describe, expect, it } from 'vitest'
import type { RpcGreeting, RpcReceived } from '../transport/rpc.ts'
import { type KeyCheck, textCheck } from './call-key.ts'
import type { InternalHeaders } from './internal-headers.ts'
import { readDeadline, readMetadata } from './rpc-metadata.ts'

const SAID = { __AUTH: 'the call key', 'goms-caller': 'order', 'goms-target': 'user/1' }

function greetingOf(pairs: Readonly<Record<string, string>>): RpcGreeting & { asked: number } {
  return {
    known: undefined,
    asked: 0,
    metadata(name) {
      this.asked++
      return pairs[name]
    },
  }
}

function received(greeting: RpcGreeting | undefined, deadlineMs?: number): RpcReceived {
  return {
    service: 'user',
    method: 'exists',
    metadata: () => undefined,
    greeting,
    deadlineMs,
    input: () => undefined,
    oneway: false,
    withdrawn: false,
    onAbort() {},
  }
}

/** All that is read of a request, in one. */
function read(request: RpcReceived, check: KeyCheck | undefined, admitKeyless: boolean): InternalHeaders {
  const from = readMetadata(request, check, admitKeyless)
  return { ...from, deadlineMs: readDeadline(request, from) }
}

describe('requests that go by a greeting', () => {
  it('are believed as if each had said it, and the greeting is read once', () => {
    const check = textCheck('the call key')
    const greeting = greetingOf(SAID)
    const first = read(received(greeting, 995), check, false)
    expect(first).toEqual({
      admitted: true,
      believed: true,
      target: 'user/1',
      deadlineMs: 995,
      attempt: 1,
      caller: 'order',
      identity: undefined,
    })
    const { asked } = greeting
    expect(read(received(greeting, 7), check, false)).toEqual({ ...first, deadlineMs: 7 })
    expect(read(received(greeting), check, false)).toEqual({ ...first, deadlineMs: undefined })
    expect(greeting.asked).toBe(asked)
    const known = readMetadata(received(greeting, 995), check, false)
    expect(readMetadata(received(greeting), check, false)).toBe(known)
    // Whether those without a key are let in is part of what was judged.
    expect(readMetadata(received(greeting), check, true)).not.toBe(known)
  })

  it('are refused one by one where its key is wrong, and judged anew where another key rules', () => {
    const greeting = greetingOf(SAID)
    const wrong = textCheck('another key')
    for (let i = 0; i < 2; i++) {
      expect(read(received(greeting, 995), wrong, true)).toMatchObject({
        admitted: false,
        target: 'user/1',
        deadlineMs: undefined,
        caller: undefined,
      })
    }
    expect(read(received(greeting, 995), textCheck('the call key'), false)).toMatchObject({
      admitted: true,
      caller: 'order',
    })
    expect(read(received(greeting, 995), wrong, false).admitted).toBe(false)
    expect(read(received(greeting, 995), undefined, false)).toMatchObject({ admitted: true, caller: undefined })
  })

  it('without a key are let in where requests without one are, and nothing is believed of them', () => {
    const { __AUTH, ...keyless } = SAID
    const check = textCheck(__AUTH)
    expect(read(received(greetingOf(keyless)), check, false).admitted).toBe(false)
    expect(read(received(greetingOf(keyless)), check, true)).toMatchObject({
      admitted: true,
      believed: false,
      caller: undefined,
    })
    expect(read(received(greetingOf({ ...keyless, 'call-key': __AUTH })), check, false)).toMatchObject({
      admitted: true,
      caller: 'order',
    })
  })
})
