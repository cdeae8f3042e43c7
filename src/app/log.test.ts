import { describe, expect, it } from 'vitest'
import { manualClock } from '../core/clock.ts'
import { type AccessEntry, createLogger, type LogFields, type LogRecord, STAYS_HERE } from '../core/log.ts'
import { createLog, droppedLine, type LogOptions, type ServiceLog, toServiceLog } from './log.ts'
import { toHumanLine } from './log-line.ts'

interface Rig {
  readonly log: ServiceLog
  readonly lines: string[]
}

function rigOf(options: Partial<LogOptions> = {}): Rig {
  const lines: string[] = []
  const write = (line: string): void => void lines.push(line)
  const outlet = { write, writeLater: write }
  const log = createLog({ service: 'user', format: 'human', debug: false, clock: manualClock(), outlet, ...options })
  return { log, lines }
}

const parsed = ({ lines }: Rig): Record<string, unknown> => JSON.parse(lines.at(-1) ?? '')

describe('a human line', () => {
  it("is the original's", () => {
    const at = new Date(2021, 7, 10, 11, 8, 1).getTime()
    expect(toHumanLine(at, 'info', 'gateway', 'Http Listen on port: 8080')).toBe(
      '2021/08/10 11:08:01 [gateway] Http Listen on port: 8080\n',
    )
    expect(toHumanLine(at, 'warn', 'gateway', 'etcd is away')).toBe(
      '2021/08/10 11:08:01 [gateway] warn: etcd is away\n',
    )
  })

  it('cannot be forged by what it tells of', () => {
    const line = toHumanLine(0, 'info', 'user', 'path /a\n2021/08/10 [gateway] node [x] join\r\u001b[31m', {
      'a\n': 'b\nc',
      d: { e: 'f\u2028' },
    })
    expect(line.split('\n')).toHaveLength(2)
    expect(line).toContain('/a\\u000a2021')
    expect(line).not.toContain('\u001b')
  })

  it('of a join has nothing but what the original said', () => {
    const rig = rigOf()
    rig.log.info('node [a_b] join', { service: 'order', node: 'a_b', nodeId: 'x' })
    expect(rig.lines[0]).toMatch(/ \[order\] node \[a_b\] join\n$/)
  })

  it('of a call ends with its trace, after the fields and the error', () => {
    const rig = rigOf()
    const log = createLogger(rig.log, () => ({ traceId: 'abc' }))
    log.child({ orderId: 7 }).error('not saved', { reason: 'no place', err: new Error('disk full') })
    expect(rig.lines).toEqual([
      expect.stringMatching(/ \[user\] error: not saved orderId=7 reason="no place" err="disk full" trace=abc\n$/),
    ])
  })

  it('is followed by the stack of its error where debug lines are wanted', () => {
    const rig = rigOf({ debug: true })
    rig.log.error('failed', { err: new Error('x') })
    expect(rig.lines[1]).toMatch(/ \[user\] debug: {5}at .*log\.test\.ts/)
  })
})

describe('a JSON line', () => {
  it('is one object, with who speaks and the fields', () => {
    const rig = rigOf({ format: 'json', debug: true })
    rig.log.node = 'a_b'
    rig.log.debug('two\nlines', { traceId: 'abc', at: new Date(0), big: 1n, list: [1, undefined] })
    expect(parsed(rig)).toEqual({
      ...{ time: '2023-11-14T22:13:20.000Z', level: 'debug', service: 'user', node: 'a_b', msg: 'two\nlines' },
      ...{ traceId: 'abc', at: '1970-01-01T00:00:00.000Z', big: '1', list: [1, null] },
    })
    expect(rig.lines[0]?.trimEnd()).not.toContain('\n')
  })

  it('has errors with code, stack and cause, as a field or in place of all fields', () => {
    const rig = rigOf({ format: 'json' })
    const err = Object.assign(new Error('outer', { cause: new TypeError('inner') }), { code: 'E1' })
    const shown = {
      ...{ name: 'Error', message: 'outer', code: 'E1', stack: expect.stringContaining('log.test.ts') },
      cause: { name: 'TypeError', message: 'inner', stack: expect.any(String) },
    }
    rig.log.error('failed', { err })
    expect(parsed(rig).err).toEqual(shown)
    rig.log.error('failed', err as unknown as LogFields)
    expect(parsed(rig).err).toEqual(shown)
  })

  it('keeps time, level and message its own, and `__proto__` a name', () => {
    const rig = rigOf({ format: 'json' })
    rig.log.info('real', JSON.parse('{"msg":"forged","level":"x","time":"y","__proto__":{"polluted":1}}'))
    expect(parsed(rig)).toMatchObject({ msg: 'real', level: 'info', msg_: 'forged', level_: 'x', time_: 'y' })
    expect(rig.lines[0]).toContain('"__proto__":{"polluted":1}')
  })

  it.each<[string, () => LogFields]>([
    ['a circle', () => Object.assign({}, ...[{}].map((o: Record<string, unknown>) => Object.assign(o, { o })))],
    ['much text', () => ({ a: 'x'.repeat(1e6), b: Array.from({ length: 100 }, () => 'y'.repeat(1e5)) })],
    ['many values', () => ({ list: Array.from({ length: 1e5 }, (_, i) => ({ i })) })],
    ['many names', () => Object.fromEntries(Array.from({ length: 1e4 }, (_, i) => [`${i}`.repeat(99), i]))],
    ['a map of much', () => ({ map: new Map(Array.from({ length: 1e4 }, (_, i) => [i, 'x'.repeat(1e4)])) })],
  ])('of %s is bounded and still JSON', (_, fields) => {
    const rig = rigOf({ format: 'json' })
    rig.log.info('m'.repeat(1e6), fields())
    expect(rig.lines[0]?.length).toBeLessThan(60_000)
    expect(parsed(rig).msg).toMatch(/^m{8192}… \d+ more$/)
  })

  it('survives fields that throw when they are read', () => {
    const rig = rigOf({ format: 'json' })
    rig.log.info('x', {
      get a(): never {
        throw new Error('no')
      },
    })
    expect(parsed(rig)).toMatchObject({ msg: 'x', unreadable: 'Error: no' })
  })
})

describe('no line', () => {
  it('has a secret: by the name of its field, as a known key, or in an address', () => {
    const canary = 'canary-4711'
    for (const format of ['human', 'json'] as const) {
      const records: LogRecord[] = []
      const rig = rigOf({
        format,
        ...{ secrets: ['shared-"key', 'go'], redact: ['Customer-No'] },
        sinks: { also: (record) => void records.push(record) },
      })
      rig.log.info('with shared-"key and amqp://me:canary-4711@host/x', {
        ...{ password: canary, Authorization: `Bearer ${canary}`, 'call-service-key': canary, setCookie: [canary] },
        ...{ deep: { apiKey: canary, tokens: 3, customerNo: canary }, text: 'shared-"key', userPasswort: canary },
      })
      const all = `${rig.lines.join('')}${JSON.stringify(records)}`
      expect(all).not.toContain(canary)
      expect(all).not.toMatch(/shared-\\*"key/)
      expect(all).toContain('"tokens":3')
      expect(all).toContain('://[redacted]@host/x')
    }
  })

  it('of debugging is written unless asked', () => {
    const rig = rigOf()
    rig.log.debug('x')
    expect(rig.lines).toEqual([])
  })
})

describe('whoever else takes lines', () => {
  it('gets them as data, whatever the format, but for those about itself', () => {
    const records: LogRecord[] = []
    const rig = rigOf({ sinks: { also: (record) => void records.push(record) } })
    rig.log.info('a', { traceId: 't' })
    rig.log.warn('elasticsearch: it is away', { [STAYS_HERE]: true })
    expect(rig.lines).toHaveLength(2)
    expect(records).toEqual([expect.objectContaining({ level: 'info', service: 'user', msg: 'a', traceId: 't' })])
  })

  it('what users tell of does not say where a line comes from', () => {
    const rig = rigOf({ format: 'json' })
    const log = createLogger(rig.log, () => ({ traceId: 'real' }))
    const query = { service: 'gateway', node: 'evil', traceId: 'deadbeef', level: 'error', time: 'never', page: '2' }
    log.info('asked', query)
    log.child(query).info('asked')
    expect(rig.lines).toHaveLength(2)
    for (const line of rig.lines.map((text) => JSON.parse(text))) {
      expect(line).toMatchObject({ level: 'info', service: 'user', traceId: 'real', page: '2', service_: 'gateway' })
      expect(line).toMatchObject({ node_: 'evil', traceId_: 'deadbeef' })
      expect(line.node).toBeUndefined()
    }
  })
})

describe('the access log', () => {
  const entry: AccessEntry = {
    ...{ atMs: 0, method: 'GET', path: '/api/user/"x', status: 200, bytes: 123, durationMs: 4.2345 },
    ...{
      service: 'user',
      action: 'login',
      node: 'a_b',
      attempts: 2,
      cut: undefined,
      client: '10.0.0.1',
      requestId: 'r"1',
      traceId: 't1',
    },
  }

  it('has a line for people', () => {
    const rig = rigOf()
    rig.log.access(entry)
    rig.log.access({ ...entry, service: undefined, action: undefined, node: undefined, attempts: 0, requestId: 't1' })
    expect(rig.lines.map((line) => line.slice(20))).toEqual([
      '[user] GET /api/user/"x 200 123B 4.23ms user/login node=a_b attempts=2 client=10.0.0.1 request=r"1 trace=t1\n',
      '[user] GET /api/user/"x 200 123B 4.23ms client=10.0.0.1 trace=t1\n',
    ])
  })

  it('has the same as JSON, and as data', () => {
    const records: LogRecord[] = []
    const rig = rigOf({ format: 'json', sinks: { also: (record) => void records.push(record) } })
    rig.log.node = 'g_g'
    rig.log.access(entry)
    expect(parsed(rig)).toEqual({
      ...{ time: '1970-01-01T00:00:00.000Z', level: 'info', service: 'user', node: 'g_g', msg: 'access' },
      ...{ method: 'GET', path: '/api/user/"x', status: 200, bytes: 123, durationMs: 4.23, to: 'user/login' },
      ...{ toNode: 'a_b', attempts: 2, client: '10.0.0.1', requestId: 'r"1', traceId: 't1' },
    })
    expect(records).toEqual([parsed(rig)])
  })

  it('goes to a log of somebody’s own with all of it as fields', () => {
    const said: unknown[] = []
    const take = (message: string, fields?: LogFields): void => void said.push(message, fields)
    toServiceLog({ debug: take, info: take, warn: take, error: take }).access(entry)
    expect(said).toEqual(['GET /api/user/"x 200', expect.objectContaining({ durationMs: 4.2345, traceId: 't1' })])
  })
})

it('lines that were dropped are told in the format of the others', () => {
  expect(droppedLine('user', 'human', manualClock())(2)).toMatch(/ \[user\] warn: 2 lines of the log dropped/)
  expect(JSON.parse(droppedLine('user', 'json', manualClock())(1))).toMatchObject({ level: 'warn', dropped: 1 })
})
