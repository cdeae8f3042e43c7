import { describe, expect, it } from 'vitest'
import { GomsError } from '../core/errors.ts'
import { nodeOf, OK, rigOf, ScriptedCarrier, send, UNANSWERED } from './mesh.fixtures.ts'
import type { Middleware } from './middleware.ts'

const ONE = [nodeOf(1)]

describe('use', () => {
  it('sees each call and how it went, outermost first', async () => {
    const seen: string[] = []
    const named =
      (name: string): Middleware =>
      async (call, next) => {
        seen.push(`${name} ${call.service}/${call.action}`)
        const outcome = await next()
        seen.push(`${name} ${outcome.status}`)
        return outcome
      }
    const { mesh, call } = rigOf(ONE, { use: [named('a'), named('b')] })
    const carrier = await send(mesh, call(), new ScriptedCarrier([OK]))
    expect(carrier.answer).toBe(OK)
    expect(seen).toEqual(['a user/login', 'b user/login', 'b 200', 'a 200'])
  })

  it('refuses a call by throwing, before any attempt', async () => {
    const { mesh, call } = rigOf(ONE, {
      use: [
        () => {
          throw new GomsError('PERMISSION_DENIED', 'not today')
        },
      ],
    })
    const carrier = await send(mesh, call(), new ScriptedCarrier([OK]))
    expect(carrier).toMatchObject({ nodes: [], error: { code: 'PERMISSION_DENIED', status: 403 } })
  })

  it('sees failures as rejections, and cannot take back an answer that has begun', async () => {
    const { mesh, call } = rigOf(ONE, {
      use: [
        async (_call, next) => {
          await next()
          throw new Error('too late')
        },
      ],
    })
    expect(await send(mesh, call(), new ScriptedCarrier([OK]))).toMatchObject({ answer: OK, error: undefined })
    const failed = await send(mesh, call({ retries: 0 }), new ScriptedCarrier([UNANSWERED]))
    expect(failed.error).toMatchObject({ code: 'BAD_GATEWAY' })
  })

  it('fails a call whose middleware forgets it, or takes all of its time', async () => {
    const forgetful = rigOf(ONE, { use: [async () => OK] })
    const forgotten = await send(forgetful.mesh, forgetful.call(), new ScriptedCarrier([OK]))
    expect(forgotten).toMatchObject({ nodes: [], error: { code: 'INTERNAL' } })

    const slow = rigOf(ONE, { use: [() => new Promise(() => {})] })
    const late = await send(slow.mesh, slow.call({ timeoutMs: 500 }), new ScriptedCarrier([OK]))
    slow.clock.advance(499)
    expect(late.error).toBeUndefined()
    slow.clock.advance(1)
    expect(late).toMatchObject({ nodes: [], error: { code: 'DEADLINE_EXCEEDED' } })
  })

  it('hears of a caller that went away', async () => {
    const seen: string[] = []
    const { mesh, call } = rigOf(ONE, {
      use: [
        async (_call, next) => {
          const outcome = await next()
          seen.push(outcome.stage)
          return outcome
        },
      ],
    })
    const dispatched = mesh.dispatch(call(), new ScriptedCarrier(['hang']))
    for (let i = 0; i < 5; i++) await Promise.resolve()
    dispatched.cancel()
    for (let i = 0; i < 5; i++) await Promise.resolve()
    expect(seen).toEqual(['cancelled'])
  })

  it('starts the call once, however often next is called', async () => {
    const { mesh, call } = rigOf(ONE, { use: [async (_call, next) => (await Promise.all([next(), next()]))[0]] })
    expect((await send(mesh, call(), new ScriptedCarrier([OK]))).nodes).toEqual(['id-1'])
  })
})
