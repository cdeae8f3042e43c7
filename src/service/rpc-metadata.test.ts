import { describe, expect, it } from 'vitest'
import type { RpcGreeting, RpcReceived } from '../transport/rpc.ts'
import { textCheck } from './call-key.ts'
import { readMetadata } from './rpc-metadata.ts'

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

describe('requests that go by a greeting', () => {
  it('are believed as if each had said it, and the greeting is read once', () => {
    const check = textCheck('the call key')
    const greeting = greetingOf(SAID)
    const first = readMetadata(received(greeting, 995), check, false)
    expect(first).toEqual({
      admitted: true,
      target: 'user/1',
      deadlineMs: 995,
      attempt: 1,
      caller: 'order',
      identity: undefined,
    })
    const { asked } = greeting
    expect(readMetadata(received(greeting, 7), check, false)).toEqual({ ...first, deadlineMs: 7 })
    expect(readMetadata(received(greeting), check, false)).toEqual({ ...first, deadlineMs: undefined })
    expect(greeting.asked).toBe(asked)
  })

  it('are refused one by one where its key is wrong, and judged anew where another key rules', () => {
    const greeting = greetingOf(SAID)
    const wrong = textCheck('another key')
    for (let i = 0; i < 2; i++) {
      expect(readMetadata(received(greeting, 995), wrong, true)).toMatchObject({
        admitted: false,
        target: 'user/1',
        deadlineMs: undefined,
        caller: undefined,
      })
    }
    expect(readMetadata(received(greeting, 995), textCheck('the call key'), false)).toMatchObject({
      admitted: true,
      caller: 'order',
    })
    expect(readMetadata(received(greeting, 995), wrong, false).admitted).toBe(false)
    expect(readMetadata(received(greeting, 995), undefined, false)).toMatchObject({ admitted: true, caller: undefined })
  })

  it('without a key are let in where requests without one are, and nothing is believed of them', () => {
    const { __AUTH, ...keyless } = SAID
    const check = textCheck(__AUTH)
    expect(readMetadata(received(greetingOf(keyless)), check, false).admitted).toBe(false)
    expect(readMetadata(received(greetingOf(keyless)), check, true)).toMatchObject({
      admitted: true,
      caller: undefined,
    })
    expect(readMetadata(received(greetingOf({ ...keyless, 'call-key': __AUTH })), check, false)).toMatchObject({
      admitted: true,
      caller: 'order',
    })
  })
})
