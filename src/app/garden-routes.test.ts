import { expect, test } from 'vitest'
import type { RpcReceived, RpcResponder } from '../transport/rpc.ts'
import { refuseRoutes } from './garden-routes.ts'

function setUp(): { send(method: string, metadata?: Record<string, string>): unknown; warnings: string[] } {
  const warnings: string[] = []
  const log = { debug() {}, info() {}, warn: (text: string) => void warnings.push(text), error() {} }
  const handler = refuseRoutes((_received, responder) => responder.reply('handled', undefined), log)
  return {
    warnings,
    send(method, metadata = {}) {
      let answer: unknown
      const received: RpcReceived = {
        ...{
          service: 'user',
          method,
          oneway: false,
          withdrawn: false,
          onAbort() {},
          input: () => ({ Yml: new Uint8Array() }),
        },
        metadata: (name) => metadata[name],
      }
      const responder: RpcResponder = {
        reply(output) {
          answer = output
        },
        fault(fault) {
          answer = fault
        },
      }
      handler(received, responder)
      return answer
    },
  }
}

test('routes of go-garden are not taken, which is said once', () => {
  const { send, warnings } = setUp()
  expect([send('SyncRoutes'), send('SyncRoutes')]).toEqual([{ Result: false }, { Result: false }])
  expect(warnings).toHaveLength(1)
})

test('all other calls, and those of callers with a key, reach the service', () => {
  const { send, warnings } = setUp()
  expect([send('Exists'), send('syncRoutes'), send('SyncRoutes', { __AUTH: 'key' })]).toEqual(Array(3).fill('handled'))
  expect(warnings).toEqual([])
})
