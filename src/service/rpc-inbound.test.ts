import { setImmediate as turn } from 'node:timers/promises'
import { array, number, object, pipe, string, transform } from 'valibot'
import { describe, expect, it } from 'vitest'
import { contract } from '../contract/contract.ts'
import { rpc } from '../contract/method.ts'
import type { Contract } from '../contract/shape.ts'
import { type ManualClock, manualClock } from '../core/clock.ts'
import type { CallContext } from '../core/context.ts'
import { GomsError } from '../core/errors.ts'
import { toIdentityHeader } from '../http/internal.ts'
import type { RpcFault, RpcReceived, RpcResponder } from '../transport/rpc.ts'
import { callContext, detached } from './context.ts'
import { createRpcInbound, type RpcInbound, type RpcInboundDeps } from './rpc-inbound.ts'
import { type ServiceDefinition, service } from './service.ts'

const KEY = 'correct horse battery staple'
const KEYED = { __AUTH: KEY }

interface Line {
  readonly level: string
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>> | undefined
}

interface Answer {
  output?: unknown
  fault?: RpcFault
}

interface Sent {
  readonly answer: Answer
  withdraw(): void
}

interface Opened {
  readonly inbound: RpcInbound
  readonly clock: ManualClock
  readonly lines: Line[]
  /** Hands a request over, and gives what has come back by the time the handler has returned. */
  send(method: string, input?: unknown, metadata?: Record<string, string>, name?: string, arrivedAtMs?: number): Sent
}

function open(definition: ServiceDefinition, deps: Partial<RpcInboundDeps> = {}, started = true): Opened {
  const clock = manualClock()
  const lines: Line[] = []
  const level =
    (name: string) =>
    (message: string, fields?: Readonly<Record<string, unknown>>): void => {
      lines.push({ level: name, message, fields })
    }
  const log = { debug: level('debug'), info: level('info'), warn: level('warn'), error: level('error') }
  const newErrorId = (): string => 'e1'
  const inbound = createRpcInbound({ definition, nodeId: 'n1', callKey: KEY, log, clock, newErrorId, ...deps })
  if (started) inbound.start()
  return {
    inbound,
    clock,
    lines,
    send(method, input, metadata = KEYED, name = definition.name, arrivedAtMs = undefined) {
      const answer: Answer = {}
      let listener: (() => void) | undefined
      const received: RpcReceived & { withdrawn: boolean } = {
        service: name,
        method,
        metadata: (key) => (Object.hasOwn(metadata, key) ? (metadata as Record<string, string>)[key] : undefined),
        input: () => {
          if (input instanceof GomsError) throw input
          return input
        },
        oneway: false,
        withdrawn: false,
        ...(arrivedAtMs !== undefined && { arrivedAtMs }),
        onAbort(one) {
          if (listener !== undefined) throw new Error('one listener a request is enough')
          listener = one
        },
      }
      const responder: RpcResponder = {
        reply(output) {
          if (typeof output === 'function') throw new GomsError('INVALID_ARGUMENT', 'msgpack: a function')
          answer.output = output
        },
        fault(fault) {
          answer.fault = fault
        },
      }
      inbound.handler(received, responder)
      const withdraw = (): void => {
        received.withdrawn = true
        listener?.()
      }
      return { answer, withdraw }
    },
  }
}

const echo = service('user', { rpc: { exists: (input: unknown) => input, Upper: () => 'up' } })

describe('the way in', () => {
  it('answers in the same turn when the handler does', () => {
    const { send, inbound } = open(echo)
    expect(send('exists', { a: 1 }).answer).toEqual({ output: { a: 1 } })
    expect(inbound.inFlight()).toBe(0)
  })

  it('finds methods as written and with the first letter in the other case, and nothing that is inherited', () => {
    const { send } = open(echo)
    expect(send('Exists', 1).answer.output).toBe(1)
    expect(send('upper').answer.output).toBe('up')
    for (const name of ['EXISTS', 'constructor', '__proto__', 'toString', 'hasOwnProperty', '']) {
      expect(send(name).answer.fault).toMatchObject({ code: 'UNIMPLEMENTED', status: 501, refusal: 'unimplemented' })
    }
  })

  it('takes the spelling of the contract before the other one', () => {
    const both = service('user', { rpc: { Get: () => 'Get', get: () => 'get' } })
    const { send } = open(both)
    expect([send('Get').answer.output, send('get').answer.output]).toEqual(['Get', 'get'])
  })

  it('refuses another service by its name', () => {
    const fault = open(echo).send('exists', 1, KEYED, 'order').answer.fault
    expect(fault).toMatchObject({ code: 'UNIMPLEMENTED', refusal: 'unimplemented' })
    expect(fault?.message).toMatch(/this node serves "user", not "order"/)
  })

  it.each(['__AUTH', 'call-key', 'goms-call-key'])('takes the key under %s', (name) => {
    const { send } = open(echo)
    expect(send('exists', 1, { [name]: KEY }).answer.output).toBe(1)
    expect(send('exists', 1, { [name]: 'wrong' }).answer.fault?.code).toBe('PERMISSION_DENIED')
  })

  it('knows a wrong key however near it is', () => {
    const { send } = open(echo)
    for (const wrong of [
      '',
      KEY.slice(0, -1),
      `${KEY} `,
      `X${KEY.slice(1)}`,
      `${KEY.slice(0, -1)}X`,
      KEY.toUpperCase(),
    ]) {
      expect(send('exists', 1, { __AUTH: wrong }).answer.fault?.code, wrong).toBe('PERMISSION_DENIED')
    }
  })

  it('takes a key of any characters', () => {
    expect(
      open(echo, { callKey: 'schlüssel-钥匙' }).send('exists', 1, { __AUTH: 'schlüssel-钥匙' }).answer.output,
    ).toBe(1)
  })

  it('lets key-less requests in where Go is admitted, believes nothing of them, and knows a wrong key', () => {
    const who = service('user', { rpc: { who: (_: unknown, { caller }) => caller ?? 'nobody' } })
    expect(open(who).send('who', undefined, {}).answer.fault?.code).toBe('PERMISSION_DENIED')
    const { send } = open(who, { admitGo: true })
    expect(send('who', undefined, { 'goms-caller': 'order' }).answer.output).toBe('nobody')
    expect(send('who', undefined, { ...KEYED, 'goms-caller': 'order' }).answer.output).toBe('order')
    expect(send('who', undefined, { __AUTH: 'wrong' }).answer.fault?.code).toBe('PERMISSION_DENIED')
  })

  it('refuses without running: the wrong node before the key, then the key, draining, starting, too late', () => {
    let ran = 0
    const counting = service('user', { rpc: { run: () => ++ran } })
    const { send, inbound } = open(counting, {}, false)
    const at = { 'goms-target': 'user/n2' }
    expect(send('run', undefined, at).answer.fault).toMatchObject({ code: 'UNAVAILABLE', refusal: 'wrong-node' })
    expect(send('run', undefined, {}).answer.fault).toMatchObject({ code: 'PERMISSION_DENIED', status: 403 })
    expect(send('run').answer.fault).toMatchObject({ code: 'UNAVAILABLE', refusal: 'overloaded' })
    inbound.start()
    for (const late of ['0', '-5']) {
      expect(send('run', undefined, { ...KEYED, __ServerTimeout: late }).answer.fault).toMatchObject({
        code: 'DEADLINE_EXCEEDED',
        status: 504,
      })
    }
    expect(ran).toBe(0)
    expect(send('run', undefined, { ...KEYED, 'goms-target': 'user/n1', __ServerTimeout: '5' }).answer.output).toBe(1)
    inbound.drain()
    expect(send('run').answer.fault).toMatchObject({ code: 'DRAINING', refusal: 'draining' })
    expect(ran).toBe(1)
  })

  it('serves on for as long as it drains, and is idle when the last one has answered', async () => {
    let answer: (value: string) => void = () => {}
    const slow = service('user', { rpc: { slow: () => new Promise<string>((resolve) => (answer = resolve)) } })
    const { send, inbound, clock } = open(slow)
    const first = send('slow')
    inbound.drain(100)
    clock.advance(99)
    const second = send('slow')
    expect(second.answer).toEqual({})
    clock.advance(1)
    expect(send('slow').answer.fault?.code).toBe('DRAINING')
    expect(inbound.inFlight()).toBe(2)
    let idle = false
    const waiting = inbound.idle().then(() => {
      idle = true
    })
    answer('two')
    await turn()
    expect([second.answer.output, idle]).toEqual(['two', false])
    first.withdraw()
    expect(inbound.inFlight()).toBe(1)
    void waiting
  })

  it('counts the calls over HTTP too, and refuses above the limit with a time to wait', () => {
    let http = 0
    const full = service('user', { maxInFlight: 2, rpc: { wait: () => new Promise(() => {}) } })
    const { send } = open(full, { alsoInFlight: () => http })
    send('wait')
    http = 1
    expect(send('wait').answer.fault).toMatchObject({ code: 'OVERLOADED', refusal: 'overloaded', retryAfterMs: 1000 })
    http = 0
    expect(send('wait').answer.fault).toBeUndefined()
  })
})

const Checked = contract('user', {
  rpc: {
    add: rpc({
      input: object({ id: pipe(string(), transform(Number)), lines: array(object({ count: number() })) }),
      output: object({ sum: number() }),
      errors: { TOO_MANY: object({ most: number() }), NOT_FOUND: object({ id: string() }) },
    }),
  },
})
const lines = [{ count: 1 }]

function adding(add: (input: { id: number; lines: { count: number }[] }) => unknown): ServiceDefinition {
  return service(Checked as Contract, { rpc: { add } } as never) as ServiceDefinition
}

describe('what is checked', () => {
  it('gives the handler what the schema makes of the input', () => {
    const { send } = open(adding(({ id }) => ({ sum: id })))
    expect(send('add', { id: '7', lines }).answer.output).toEqual({ sum: 7 })
  })

  it('refuses a wrong input with the path to it, and does not run', () => {
    let ran = false
    const { send } = open(adding(() => (ran = true)))
    const { fault } = send('add', { id: '7', lines: [...lines, { count: 'x' }] }).answer
    expect(fault).toMatchObject({ code: 'INVALID_ARGUMENT', status: 400, refusal: undefined })
    expect(fault?.message).toMatch(/^user\.add: input\.lines\[1\]\.count: /)
    expect(fault?.data).toEqual([{ path: 'input.lines[1].count', message: expect.any(String) }])
    expect(send('add', {}).answer.fault?.message).toMatch(/ \(and 1 more\)$/)
    expect(send('add', new GomsError('INVALID_ARGUMENT', 'damaged')).answer.fault).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'damaged',
    })
    expect(ran).toBe(false)
  })

  it('holds outputs against the contract outside of production, and lets them travel as they are', async () => {
    const wrong = adding(() => ({ sum: 'x' }))
    const { send, lines: logged } = open(wrong)
    const { fault } = send('add', { id: '7', lines }).answer
    expect(fault).toMatchObject({ code: 'INTERNAL', status: 500, data: undefined })
    expect(fault?.message).toMatch(/error id e1$/)
    expect(logged.at(-1)?.message).toMatch(/does not fit the contract: output\.sum: .*\(error id e1\)/)
    expect(open(wrong, { checksOutput: false }).send('add', { id: '7', lines }).answer.output).toEqual({ sum: 'x' })
    const late = open(adding(async () => ({ sum: 'x' })))
    const { answer } = late.send('add', { id: '7', lines })
    await turn()
    expect(answer.fault?.code).toBe('INTERNAL')
    const more = { sum: 1, more: 2 }
    expect(open(adding(() => more)).send('add', { id: '7', lines }).answer.output).toBe(more)
  })
})

describe('errors', () => {
  const failing = (thrown: unknown, deps: Partial<RpcInboundDeps> = {}): { fault: RpcFault; lines: Line[] } => {
    const { send, lines: logged } = open(
      adding(() => {
        throw thrown
      }),
      deps,
    )
    const { fault } = send('add', { id: '7', lines }).answer
    if (fault === undefined) throw new Error('it did not fail')
    return { fault, lines: logged }
  }

  it('keep code, status, message and data', () => {
    const error = new GomsError('ALREADY_EXISTS', 'taken', { status: 410, data: { at: new Date(0) }, retryAfterMs: 7 })
    expect(failing(error).fault).toEqual({
      code: 'ALREADY_EXISTS',
      message: 'taken',
      status: 410,
      data: { at: new Date(0) },
      refusal: undefined,
      retryAfterMs: 7,
    })
  })

  it('of the contract are no failure of the node', () => {
    expect(failing(new GomsError('TOO_MANY', 'no', { data: { most: 3 } })).fault).toMatchObject({
      status: 422,
      data: { most: 3 },
    })
    expect(failing(new GomsError('TOO_MANY', 'no', { status: 409 })).fault.status).toBe(409)
    expect(failing(new GomsError('NOT_FOUND', 'no')).fault.status).toBe(404)
    expect(failing(new GomsError('OF_NOBODY', 'no')).fault.status).toBe(500)
  })

  it('that nobody expected are an id for the caller, and the rest is in the log', () => {
    for (const thrown of [
      new Error('password is hunter2'),
      'password is hunter2',
      new GomsError('GOMS_USAGE', 'hunter2'),
    ]) {
      const { fault, lines: logged } = failing(thrown)
      expect(fault).toMatchObject({ code: 'INTERNAL', status: 500, data: undefined, refusal: undefined })
      expect(fault.message).toContain('error id e1')
      expect(JSON.stringify(fault)).not.toContain('hunter2')
      expect(logged.at(-1)).toMatchObject({ level: 'error', fields: { errorId: 'e1' } })
      expect(logged.at(-1)?.message).toContain('hunter2')
    }
    expect((failing(new Error('x')).lines.at(-1)?.fields?.err as Error | undefined)?.stack).toContain(
      'rpc-inbound.test.ts',
    )
  })

  it('never claim that nothing ran', () => {
    expect(failing(new GomsError('DRAINING', 'x')).fault.refusal).toBeUndefined()
  })

  it('leave out data that cannot travel, and say so', () => {
    const circle: Record<string, unknown> = {}
    circle.self = circle
    for (const data of [() => 1, { deep: [Symbol('x')] }, circle, new Map()]) {
      const { fault, lines: logged } = failing(new GomsError('NOT_FOUND', 'no', { data }))
      expect(fault).toMatchObject({ code: 'NOT_FOUND', data: undefined })
      expect(logged.at(-1)).toMatchObject({ level: 'warn', message: expect.stringContaining('data of NOT_FOUND') })
    }
  })

  it('tell of an output that cannot travel as a failure of the service', () => {
    const { send, lines: logged, inbound } = open(service('user', { rpc: { fn: () => () => 1 } }))
    expect(send('fn').answer.fault).toMatchObject({ code: 'INTERNAL' })
    expect(logged.at(-1)?.message).toContain('the output cannot travel: msgpack: a function')
    expect(inbound.inFlight()).toBe(0)
  })

  it('come from promises too', async () => {
    const { send, inbound } = open(adding(async () => Promise.reject(new GomsError('NOT_FOUND', 'no'))))
    const { answer } = send('add', { id: '7', lines })
    await turn()
    expect(answer.fault?.code).toBe('NOT_FOUND')
    expect(inbound.inFlight()).toBe(0)
  })
})

describe('the context of a handler', () => {
  const metadata = {
    ...KEYED,
    __ServerTimeout: '1500',
    'goms-caller': 'order',
    'goms-attempt': '2',
    'goms-identity': toIdentityHeader({ id: 7 }) as string,
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  }

  it('can be taken apart, and holds what travelled with the call', () => {
    const seen: unknown[] = []
    const definition = service('user', {
      rpc: {
        see(_: unknown, { caller, identity, attempt, traceId, trace, leftMs, log }) {
          log.info('seen', { more: 1 })
          seen.push(caller, identity, attempt, traceId, trace.parentId, leftMs())
        },
      },
    })
    const { send, lines: logged } = open(definition)
    send('see', undefined, metadata)
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
    expect(seen).toEqual(['order', { id: 7 }, 2, traceId, '00f067aa0ba902b7', 1500])
    expect(logged).toEqual([{ level: 'info', message: 'seen', fields: { traceId, more: 1 } }])
  })

  it('has the clients of `uses`, made once a call and only when looked at', () => {
    const User = contract('user', { rpc: { exists: rpc<void, boolean>() } })
    let made: CallContext[] = []
    const clients = (call: CallContext): Record<string, unknown> => {
      made.push(call)
      return { user: { exists: () => 'called' }, end: 'an end of its own' }
    }
    const definition = service('order', {
      uses: { user: User, end: User },
      rpc: {
        idle: () => 0,
        submit: (_: unknown, context) => [context.user.exists() as unknown, context.user, context.end],
      },
    })
    const { send } = open(definition, { clients })
    send('idle')
    expect(made).toEqual([])
    expect(send('submit', undefined, metadata).answer.output).toEqual([
      'called',
      expect.anything(),
      'an end of its own',
    ])
    expect(made).toHaveLength(1)
    expect(made[0]?.caller).toBe('order')
    made = []
  })

  it('says honestly that nothing is emitted', async () => {
    const Order = contract('order', { rpc: { submit: rpc<void>() } })
    const definition = service(Order, {
      rpc: { submit: (_, { emit }) => (emit as (name: string, payload: unknown) => Promise<void>)('submitted', {}) },
    })
    const { send } = open(definition)
    const { answer } = send('submit')
    await turn()
    expect(answer.fault).toMatchObject({ code: 'UNIMPLEMENTED' })
    expect(answer.fault?.message).toContain('this process emits none')
  })

  it('has a signal that aborts when the caller withdraws, even if it is looked at late', async () => {
    const signals: AbortSignal[] = []
    let look: () => void = () => {}
    const definition = service('user', {
      rpc: {
        early: (_: unknown, { signal }) => new Promise(() => signals.push(signal)),
        late: (_: unknown, context) =>
          new Promise(() => {
            look = () => signals.push(context.signal)
          }),
      },
    })
    const { send } = open(definition)
    send('early').withdraw()
    send('late').withdraw()
    look()
    expect(signals.map(({ aborted, reason }) => [aborted, reason.code])).toEqual([
      [true, 'CANCELLED'],
      [true, 'CANCELLED'],
    ])
  })

  it('has a signal that tells of a withdrawal even once the handler is done', async () => {
    let answer: (value: unknown) => void = () => {}
    let context: CallContext | undefined
    const definition = service('user', {
      rpc: {
        wait: (_: unknown, given) => {
          context = given
          return new Promise((resolve) => (answer = resolve))
        },
      },
    })
    const { send } = open(definition)
    send('wait').withdraw()
    answer('done')
    await turn()
    expect(context?.signal.reason).toMatchObject({ code: 'CANCELLED' })
  })

  it('has what is left since its request arrived', () => {
    const definition = service('user', { rpc: { left: (_: unknown, { leftMs }) => leftMs() } })
    const { send, clock } = open(definition)
    const arrivedAtMs = clock.now()
    clock.advance(300)
    const timed = { ...KEYED, __ServerTimeout: '1000' }
    expect(send('left', undefined, timed).answer.output).toBe(1000)
    expect(send('left', undefined, timed, 'user', arrivedAtMs).answer.output).toBe(700)
  })

  it('has a signal that aborts at the deadline, and not once the call has ended', async () => {
    const signals: AbortSignal[] = []
    let answer: (value: unknown) => void = () => {}
    const definition = service('user', {
      rpc: {
        wait: (_: unknown, { signal }) => {
          signals.push(signal)
          return new Promise((resolve) => (answer = resolve))
        },
      },
    })
    const { send, clock } = open(definition)
    send('wait', undefined, metadata)
    clock.advance(1499)
    expect(signals[0]?.aborted).toBe(false)
    clock.advance(1)
    expect(signals[0]?.reason).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
    const second = send('wait', undefined, metadata)
    answer('done')
    await turn()
    expect(second.answer.output).toBe('done')
    clock.advance(2000)
    second.withdraw()
    expect(signals[1]?.aborted).toBe(false)
  })
})

describe('callContext() in a handler', () => {
  const asking = (wish?: boolean): ServiceDefinition =>
    service('user', {
      ...(wish !== undefined && { ambient: wish }),
      rpc: {
        now: () => callContext()?.attempt,
        async later() {
          await turn()
          return callContext()?.attempt
        },
        async both() {
          const first = callContext()?.attempt
          await turn()
          return [first, callContext()?.attempt, await detached(async () => callContext()?.attempt)]
        },
      },
    })
  const second = { ...KEYED, 'goms-attempt': '2' }

  it('finds the call, before and after an await, and leaves nothing behind', async () => {
    const { send } = open(asking())
    const first = send('both', undefined, second)
    expect(callContext()).toBeUndefined()
    expect(send('now', undefined, second).answer.output).toBe(2)
    const other = send('later', undefined, { ...KEYED, 'goms-attempt': '3' })
    expect(callContext()).toBeUndefined()
    await turn()
    await turn()
    expect(first.answer.output).toEqual([2, 2, 1])
    expect(other.answer.output).toBe(3)
  })

  it('finds nothing where the service does not want it', () => {
    expect(open(asking(false)).send('now', undefined, second).answer.output).toBeUndefined()
  })

  it('finds the innermost of calls within one process', () => {
    const inner = open(asking())
    const outer = open(
      service('order', {
        rpc: {
          call: () => [
            callContext()?.attempt,
            inner.send('now', undefined, { ...KEYED, 'goms-attempt': '5' }).answer.output,
            callContext()?.attempt,
          ],
        },
      }),
    )
    expect(outer.send('call', undefined, second).answer.output).toEqual([2, 5, 2])
    expect(callContext()).toBeUndefined()
  })
})
