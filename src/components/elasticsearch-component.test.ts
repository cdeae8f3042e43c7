import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { freePort } from '../../test/support/processes.ts'
import { resolveSettings } from '../config/resolve.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import type { Component, ComponentContext } from '../core/component.ts'
import { createLogger, silentLog } from '../core/log.ts'
import { BulkError, type Elasticsearch, type ElasticsearchComponentOptions, elasticsearch } from './elasticsearch.ts'

interface Asked {
  readonly method: string
  readonly path: string
  readonly authorization: string | undefined
  readonly body: string
}

/** Waits take a fiftieth of their time. */
const clock: Clock = { ...systemClock, after: (ms, fn) => systemClock.after(ms / 50, fn) }

type Answer = readonly [status: number, body: unknown] | 'cut'

let server: Server
let url: string
let asked: Asked[]
/** What the server says; it has all that an Elasticsearch has by default. */
let answer: (request: Asked) => Answer | undefined
let lines: string[]
const opened: { component: Component<Elasticsearch>; es: Elasticsearch }[] = []

beforeEach(async () => {
  asked = []
  lines = []
  answer = () => undefined
  server = createServer(async (request: IncomingMessage, response) => {
    let body = ''
    request.setEncoding('utf8')
    for await (const chunk of request) body += chunk
    const { method = '', url: path = '', headers } = request
    const one: Asked = { method, path, authorization: headers.authorization, body }
    asked.push(one)
    const [status, content] = toAnswer(one)
    if (status === 0) request.socket.destroy()
    else
      response
        .writeHead(status, { 'content-type': 'application/json', 'x-elastic-product': 'Elasticsearch' })
        .end(method === 'HEAD' ? undefined : JSON.stringify(content))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterEach(async () => {
  for (const { component, es } of opened.splice(0)) await component.close(es)
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

function toAnswer(request: Asked): readonly [number, unknown] {
  const given = answer(request)
  if (given !== undefined) return given === 'cut' ? [0, undefined] : given
  if (!request.path.includes('/_bulk')) return [200, { _id: request.path.split('/').at(-1)?.split('?')[0] }]
  const actions = request.body.split('\n').filter((_, i) => i % 2 === 0 && request.body !== '')
  return [200, { errors: false, items: actions.slice(0, -1).map(() => ({ create: { status: 201 } })) }]
}

function context(esAddr: string | undefined): ComponentContext {
  const say = (line: string): void => void lines.push(line)
  const settings = { ...resolveSettings({}, {} as never), esAddr }
  return { settings, log: createLogger({ ...silentLog, info: say, warn: say }), clock }
}

async function open(options: ElasticsearchComponentOptions = {}, address = url) {
  const component = elasticsearch(options)
  const one = { component, es: await component.start(context(address)) }
  opened.push(one)
  return one
}

const bulks = (): Asked[] => asked.filter(({ path }) => path.includes('/_bulk'))
const words = (n: number): { word: string }[] => Array.from({ length: n }, (_, i) => ({ word: `w${i}` }))

describe('elasticsearch()', () => {
  it('says what is missing, or wrong, without what is secret', async () => {
    await expect(elasticsearch().start(context(undefined))).rejects.toMatchObject({
      code: 'GOMS_CONFIG_INVALID',
      message: 'component "elasticsearch": `esAddr` is missing',
    })
    expect(await elasticsearch({ optional: true }).start(context(undefined))).toBeUndefined()
    await expect(elasticsearch().start(context('ftp://me:hunter2@es'))).rejects.toMatchObject({
      code: 'GOMS_CONFIG_INVALID',
      message: expect.not.stringContaining('hunter2'),
    })
    expect(() => elasticsearch({ timeoutMs: 1 })).toThrow('expected `timeoutMs` to be an integer from 100 to 600000')
  })

  it('does not start while nobody answers, and says where it looked, and for how long', async () => {
    const at = `127.0.0.1:${await freePort()}`
    const starting = elasticsearch({ startMs: 300 }).start(context(`http://me:hunter2@${at}`))
    await expect(starting).rejects.toThrow(
      new RegExp(`^${at}: no answer within 300 ms \\(tries: \\d+\\): .*ECONNREFUSED`),
    )
  })

  it.each([
    ['a wrong password', 401],
    ['a client of another version', 400],
  ])('does not wait for what no waiting mends: %s', async (_, status) => {
    answer = () => [status, {}]
    const began = performance.now()
    await expect(elasticsearch().start(context(url))).rejects.toThrow(`${url.slice(7)}: ${status}`)
    expect(performance.now() - began).toBeLessThan(2000)
  })

  it('starts without it where that is wished, says why it cannot be used, and finds it later', async () => {
    answer = () => 'cut'
    const { component, es } = await open({ startAnyway: true, startMs: 50 })
    expect(component.ready(es)).toContain(url.slice(7))
    answer = () => undefined
    await expect.poll(() => component.ready(es), { timeout: 10_000 }).toBeUndefined()
    expect(lines).toEqual([expect.stringMatching(/ is away \(/), `${url.slice(7)} is back`])
  })

  it('takes one for there that says who may ping it', async () => {
    answer = ({ method }) => (method === 'HEAD' ? [403, {}] : undefined)
    const { component, es } = await open()
    expect(component.ready(es)).toBeUndefined()
    expect(await es.put('books', { title: 'a' }, '7')).toBe('7')
  })

  it('sends user and password to each node, and tells nobody else of them', async () => {
    const { es } = await open({}, url.replace('//', '//me:p%40ss@'))
    await es.client.info()
    expect(new Set(asked.map(({ authorization }) => authorization))).toEqual(
      new Set([`Basic ${Buffer.from('me:p@ss').toString('base64')}`]),
    )
    answer = () => [500, {}]
    const failed = await es.client.info().catch((error) => error)
    expect(JSON.stringify([failed.message, failed.meta.meta.connection, failed.stack])).not.toMatch(/p@ss|p%40ss|bWU6/)
  })

  it('has what is in progress answered before it closes', async () => {
    const { component, es } = await open()
    let release = (): void => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const slow = server.listeners('request')[0] as (...args: unknown[]) => void
    server.removeAllListeners('request')
    server.on('request', async (...args) => {
      await held
      slow(...args)
    })
    const put = es.put('books', { title: 'a' }, '7')
    await new Promise((resolve) => setTimeout(resolve, 50))
    const closed = component.close(es)
    setTimeout(release, 50)
    expect(await put).toBe('7')
    await closed
  })
})

describe('put', () => {
  it('replaces what has an id, and creates what has none', async () => {
    const { es } = await open()
    expect(await es.put('books', { title: 'a' }, '7')).toBe('7')
    const id = await es.put('books', { title: 'b' })
    expect(asked.slice(1).map(({ method, path, body }) => `${method} ${path} ${body}`)).toEqual([
      'PUT /books/_doc/7 {"title":"a"}',
      `PUT /books/_doc/${id}?op_type=create {"title":"b"}`,
    ])
  })

  it('is there once when its answer was lost', async () => {
    const { es } = await open()
    let tries = 0
    answer = ({ path }) => (path.includes('op_type') ? (++tries === 1 ? 'cut' : [409, {}]) : undefined)
    expect(await es.put('books', { title: 'b' })).toMatch(/^[\w-]{12,}$/)
    expect(new Set(asked.slice(1).map(({ path }) => path)).size).toBe(1)
  })
})

describe('bulk', () => {
  it('sends batches of a thousand, reads no further, and tells how many were taken', async () => {
    const { es } = await open()
    let made = 0
    async function* documents() {
      for (const word of words(2500)) {
        made++
        // One more is read to find that it has no place.
        expect(made).toBeLessThanOrEqual((bulks().length + 1) * 1000 + 1)
        yield word
      }
    }
    expect(await es.bulk('words', documents())).toBe(2500)
    expect(bulks().map(({ body }) => body.split('\n').length)).toEqual([2001, 2001, 1001])
    expect(bulks()[0]?.body.split('\n').slice(0, 2)).toEqual([
      expect.stringMatching(/^\{"create":\{"_id":"[\w-]+"\}\}$/),
      '{"word":"w0"}',
    ])
    expect(await es.bulk('words', [])).toBe(0)
  })

  it('sends no batch that is too long', async () => {
    const { es } = await open()
    const long = 'x'.repeat(1024 * 1024)
    await es.bulk(
      'words',
      Array.from({ length: 6 }, () => ({ long })),
    )
    expect(bulks().map(({ body }) => body.split('\n').length)).toEqual([7, 7])
  })

  it('takes ids of its caller', async () => {
    const { es } = await open()
    answer = ({ path }) => (path.includes('_bulk') ? [200, { items: [{ index: { status: 200 } }] }] : undefined)
    await es.bulk('words', words(1), { id: ({ word }) => word })
    expect(bulks()[0]?.body).toBe('{"index":{"_id":"w0"}}\n{"word":"w0"}\n')
  })

  it('sends again what is refused for now, and tells of each that is refused for good', async () => {
    const { es } = await open()
    let first = true
    answer = ({ path, body }) => {
      if (!path.includes('_bulk')) return undefined
      const items = body.split('\n').flatMap((line) => {
        if (!line.startsWith('{"word"')) return []
        if (line.includes('w1"')) return [{ create: { status: 400, error: { type: 'parsing', reason: 'no\nword' } } }]
        if (line.includes('w2"') && first) return [{ create: { status: 429, error: { type: 'busy' } } }]
        return [{ create: { status: line.includes('w3"') ? 409 : 201 } }]
      })
      first = false
      return [200, { errors: true, items }]
    }
    const failed = await es.bulk('words', words(4)).catch((error) => error)
    expect(failed).toBeInstanceOf(BulkError)
    expect(failed).toMatchObject({
      message: expect.stringContaining('elasticsearch: 1 of 4 documents for words were not taken: 400 parsing: no'),
      ...{ taken: 3, failed: 1 },
      failures: [{ position: 1, status: 400, type: 'parsing', reason: 'no\nword' }],
    })
    expect(bulks().map(({ body }) => body.split('\n').length)).toEqual([9, 3])
  })

  it('gives up after six tries', async () => {
    const { es } = await open()
    answer = ({ path }) => (path.includes('_bulk') ? [429, {}] : undefined)
    const failed = await es.bulk('words', words(1)).catch((error) => error)
    expect(failed).toMatchObject({ taken: 0, failed: 1, failures: [{ status: 429 }] })
    expect(bulks()).toHaveLength(6)
  })

  it('sends again what was lost on the way, with the same ids, and passes on what concerns the whole batch', async () => {
    const { es } = await open()
    let tries = 0
    answer = ({ path }) => (path.includes('_bulk') && ++tries === 1 ? 'cut' : undefined)
    expect(await es.bulk('words', words(2))).toBe(2)
    expect(bulks()[0]?.body).toBe(bulks()[1]?.body)
    answer = ({ path }) => (path.includes('_bulk') ? [403, {}] : undefined)
    await expect(es.bulk('words', words(2))).rejects.toMatchObject({ name: 'ResponseError', statusCode: 403 })
  })
})
