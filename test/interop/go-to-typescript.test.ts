/** Go calls TypeScript: a client on smallnest/rpcx and a node of ours, with the key and without. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { untilReady } from '../support/cluster.ts'
import { buildGo, GO_BUILD_TIMEOUT_MS, type GoProgram, goMissing } from '../support/go.ts'
import { freePort, killAll, type Running, startGoms } from '../support/processes.ts'

const KEY = 'a key for the tests'

interface Answer {
  readonly case: string
  // biome-ignore lint/suspicious/noExplicitAny: the shape is what each test looks at
  readonly reply: any
  readonly error: string
  readonly code: string
  /** As it was printed: numbers of 64 bits whole. */
  readonly line: string
}

interface Node {
  readonly process: Running
  readonly rpc: string
}

async function startNode(...args: string[]): Promise<Node> {
  const httpPort = await freePort()
  const rpcPort = await freePort()
  const ports = ['-http_port', String(httpPort), '-rpc_port', String(rpcPort)]
  const fixture = join(import.meta.dirname, '..', 'fixtures', 'go-caller.mjs')
  const process = startGoms(['start', fixture, '--registry', 'memory', '-admin_port', 'off', ...ports, ...args], {
    name: 'user',
    env: { GOMS_CALL_SERVICE_KEY: KEY },
  })
  await untilReady(`http://127.0.0.1:${httpPort}`, process)
  return { process, rpc: `127.0.0.1:${rpcPort}` }
}

describe.skipIf(goMissing !== undefined)('Go calls TypeScript', () => {
  let program: (name: GoProgram) => string
  let node: Node

  beforeAll(async () => {
    program = await buildGo()
    node = await startNode()
  }, GO_BUILD_TIMEOUT_MS)

  afterAll(killAll)

  /** @param key '' sends none */
  async function call(cases: string, target: Node = node, key = KEY): Promise<Map<string, Answer>> {
    const args = ['-addr', target.rpc, '-only', cases, '-auth', key]
    const { stdout } = await promisify(execFile)(program('rpcx-client'), args, { timeout: 15_000 })
    const answers = stdout
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line): Answer => ({ ...JSON.parse(line), line }))
    return new Map(answers.map((answer) => [answer.case, answer]))
  }

  async function only(name: string, target?: Node, key?: string): Promise<Answer> {
    const answer = (await call(name, target, key)).get(name)
    if (answer === undefined) throw new Error(`${name}: the client printed nothing`)
    return answer
  }

  test('methods are found as Go writes them and as the contract does', async () => {
    const answers = await call('exists,as-written')
    expect(answers.get('exists')).toMatchObject({ reply: { Exists: true }, error: '' })
    expect(answers.get('as-written')).toMatchObject({ reply: { Exists: false }, error: '' })
  })

  test('values of every kind come back as Go sent them', async () => {
    const { reply, error, line } = await only('values')
    expect(error).toBe('')
    expect(line).toContain('"Uint64":18446744073709551615')
    expect(reply).toEqual({
      Small: 5,
      Int64: 1_234_567_890_123,
      Uint64: 2 ** 64,
      Int8: -7,
      Float64: 99.5,
      Text: 'héllo 世界',
      Bytes: 'AAH+/w==',
      Numbers: [1, 300, -70_000],
      Counts: { a: 5 },
      Inner: { Username: 'bob' },
      At: '2023-11-14T22:13:20.123Z',
      Any: 'x',
      Names: { k: 'v' },
      Wait: 1_500_000_000,
      Yes: true,
    })
  })

  test('what Go leaves empty stays empty', async () => {
    const { reply, error } = await only('empty')
    expect(error).toBe('')
    expect(reply).toMatchObject({ Bytes: null, Numbers: null, Counts: null, Inner: null, Any: null, Text: '' })
    expect(reply.At).toBe('0001-01-01T00:00:00Z')
  })

  test('errors of methods arrive as text, with the code beside it', async () => {
    expect(await only('found')).toMatchObject({ error: 'no user "eve"', code: 'NOT_FOUND' })
  })

  test('what is unexpected stays in the log, and only its id goes out', async () => {
    const { error, code } = await only('broken')
    expect(code).toBe('INTERNAL')
    expect(error).not.toContain('hunter2')
    const id = error.match(/[0-9a-f]{12}/)?.[0]
    expect(id).toBeDefined()
    await node.process.waitForLine(new RegExp(`${id}.*hunter2|hunter2.*${id}`))
  })

  test('inputs are checked, and the text names the field', async () => {
    const { error, code } = await only('invalid')
    expect(code).toBe('INVALID_ARGUMENT')
    expect(error).toContain('input.username')
  })

  test('unknown methods and services are refused', async () => {
    const answers = await call('missing,wrong-service')
    expect(answers.get('missing')).toMatchObject({ code: 'UNIMPLEMENTED' })
    expect(answers.get('wrong-service')?.error).toContain('this node serves "user", not "other"')
  })

  test('the deadline of the context arrives', async () => {
    const { reply, error } = await only('deadline')
    expect(error).toBe('')
    expect(reply.LeftMs).toBeGreaterThan(2000)
    expect(reply.LeftMs).toBeLessThanOrEqual(3000)
  })

  test('a caller whose deadline is over stops waiting, and the next call is answered', async () => {
    const answers = await call('late,json')
    expect(answers.get('late')?.error).toContain('context deadline exceeded')
    expect(answers.get('json')).toMatchObject({ reply: { exists: true }, error: '' })
  })

  test("a trace of Go's goes on", async () => {
    expect((await only('trace')).reply.TraceId).toBe('463ac35c9f6413ad48485a3953bb6124')
  })

  test('requests without a reply run, and are not answered', async () => {
    expect(await only('oneway')).toMatchObject({ reply: { Count: 1 }, error: '' })
  })

  test('payloads travel compressed, large, and as JSON', async () => {
    const answers = await call('gzip,large,json')
    expect(answers.get('gzip')).toMatchObject({ reply: { same: true }, error: '' })
    expect(answers.get('large')).toMatchObject({ reply: { length: 2_000_000 }, error: '' })
    expect(answers.get('json')).toMatchObject({ reply: { exists: true }, error: '' })
  })

  test('heartbeats are answered while a call waits', async () => {
    expect(await only('heartbeat')).toMatchObject({ error: '' })
  })

  test('many calls at once over one connection each get their own answer', async () => {
    expect((await only('many')).reply).toEqual({ right: 500 })
  })

  test('callers without the key, or with a wrong one, are refused', async () => {
    for (const key of ['', 'not the key']) {
      expect(await only('exists', node, key)).toMatchObject({ code: 'PERMISSION_DENIED', reply: { Exists: false } })
    }
  })

  test('with `admit: go` callers without a key are served, and nothing of what they claim is believed', async () => {
    const open = await startNode('--admit', 'go')
    const answers = await call('exists,forged', open, '')
    expect(answers.get('exists')).toMatchObject({ reply: { Exists: true }, error: '' })
    expect(answers.get('forged')).toMatchObject({ reply: { Caller: '', Identity: null }, error: '' })
    expect(await only('exists', open, 'not the key')).toMatchObject({ code: 'PERMISSION_DENIED' })
  })
})
