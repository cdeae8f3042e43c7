/** `goms/elasticsearch` with a real Elasticsearch: what handlers write is there, and a server that was away is found again. */
import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BulkError, type Elasticsearch, elasticsearch } from '../../src/components/elasticsearch.ts'
import { resolveSettings } from '../../src/config/resolve.ts'
import { systemClock } from '../../src/core/clock.ts'
import type { Component } from '../../src/core/component.ts'
import { createLogger, silentLog } from '../../src/core/log.ts'
import { service } from '../../src/service/service.ts'
import { testMesh } from '../../src/testing/test-mesh.ts'
import {
  elasticsearchIsMissing,
  startElasticsearch,
  type Elasticsearch as TestServer,
} from '../support/elasticsearch.ts'

interface Book {
  readonly title: string
  readonly pages?: number | string
}

describe.skipIf(elasticsearchIsMissing)('goms/elasticsearch', () => {
  let server: TestServer
  let component: Component<Elasticsearch>
  let es: Elasticsearch
  const lines: string[] = []
  const exporter = new InMemorySpanExporter()
  beforeAll(async () => {
    // Before the client is loaded: it asks for its tracer once.
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }))
    server = await startElasticsearch()
    component = elasticsearch({ url: server.url })
    const say = (line: string): void => void lines.push(line)
    es = await component.start({
      settings: resolveSettings({}, {} as never),
      log: createLogger({ ...silentLog, info: say, warn: say }),
      clock: systemClock,
    })
  }, 70_000)
  afterAll(async () => {
    if (es !== undefined) await component.close(es)
    await server?.close()
  })

  it('writes what handlers put, and has the official client beside it', async () => {
    const library = elasticsearch({ url: server.url })
    const books = service('books', {
      uses: { library },
      rpc: {
        add: (book: Book, { library }) => library.put('books', book),
        async count(_: undefined, { library }) {
          await library.client.indices.refresh({ index: 'books' })
          return (await library.client.count({ index: 'books' })).count
        },
      },
    })
    const mesh = await testMesh({ services: [books] })
    const { add, count } = mesh.client(books.contract)
    const id = await add({ title: 'one' })
    await add({ title: 'two' })
    expect(await count(undefined)).toBe(2)
    expect((await server.ask('GET', `/books/_doc/${id}`)).body).toMatchObject({ _source: { title: 'one' } })
    await mesh.close()
  })

  it('replaces a document by its id, and takes thousands in bulk', async () => {
    expect(await es.put('shelf', { title: 'old' }, 'a')).toBe('a')
    expect(await es.put('shelf', { title: 'new' }, 'a')).toBe('a')
    const many = Array.from({ length: 2500 }, (_, i): Book => ({ title: `book ${i}` }))
    expect(await es.bulk('shelf', many)).toBe(2500)
    const found = await server.search<Book>('shelf', { match_all: {} })
    expect(found).toHaveLength(2501)
    expect(found.filter(({ title }) => title === 'new')).toHaveLength(1)
  })

  it('tells of each document that a mapping refuses, and writes the others', async () => {
    await server.ask('PUT', '/typed', { mappings: { properties: { pages: { type: 'integer' } } } })
    const books: Book[] = [
      { title: 'a', pages: 1 },
      { title: 'b', pages: 'many' },
      { title: 'c', pages: 3 },
    ]
    const failed = await es.bulk('typed', books, { id: ({ title }) => title }).catch((error) => error)
    expect(failed).toBeInstanceOf(BulkError)
    expect(failed).toMatchObject({
      ...{ taken: 2, failed: 1 },
      failures: [{ position: 1, id: 'b', status: 400, type: 'document_parsing_exception' }],
    })
    expect(await server.search('typed', { match_all: {} })).toHaveLength(2)
  })

  it('is part of the trace of who calls it, by the client’s own OpenTelemetry', async () => {
    exporter.reset()
    const tracer = trace.getTracer('test')
    await tracer.startActiveSpan('handler', async (span) => {
      await es.put('traced', { title: 'a' })
      span.end()
    })
    const spans = exporter.getFinishedSpans()
    const handler = spans.find(({ name }) => name === 'handler')?.spanContext()
    const [put] = spans.filter(({ parentSpanContext }) => parentSpanContext?.spanId === handler?.spanId)
    expect(put).toMatchObject({ attributes: { 'db.system': 'elasticsearch' } })
    expect(put?.spanContext().traceId).toBe(handler?.traceId)
  })

  it('says that the server is away, and finds it when it is back', async () => {
    expect(component.ready(es)).toBeUndefined()
    await server.kill()
    await expect(es.put('books', { title: 'lost' })).rejects.toMatchObject({ name: 'ConnectionError' })
    expect(component.ready(es)).toContain(`127.0.0.1:${server.port}: `)
    await server.start()
    await expect.poll(() => component.ready(es), { timeout: 20_000 }).toBeUndefined()
    expect(await es.bulk('books', [{ title: 'three' }])).toBe(1)
    expect(lines).toEqual([expect.stringContaining(' is away ('), `127.0.0.1:${server.port} is back`])
  })
})
