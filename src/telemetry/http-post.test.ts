import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { createHttpPost, type HttpPost, type HttpPostOptions } from './http-post.ts'

const open: { server: Server; post: HttpPost }[] = []

afterEach(async () => {
  for (const { server, post } of open.splice(0)) {
    post.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

async function serverThat(answers: RequestListener, options: Partial<HttpPostOptions> = {}, user = '') {
  const server = createServer(answers).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const post = createHttpPost({ url: new URL(`http://${user}127.0.0.1:${port}/take?x=1`), ...options })
  open.push({ server, post })
  return {
    port,
    server,
    send: (...chunks: string[]) =>
      post.post(
        chunks.map((it) => Buffer.from(it)),
        never,
      ),
  }
}

const never = new AbortController().signal

it('posts the chunks as one body over a kept connection, and gives the answer', async () => {
  const seen: unknown[] = []
  const { send, server } = await serverThat(
    (req, res) => {
      let body = ''
      req.on('data', (chunk) => {
        body += chunk
      })
      req.on('end', () => {
        const { authorization, 'content-length': length, 'content-type': type } = req.headers
        seen.push({ line: `${req.method} ${req.url}`, authorization, length, type, body })
        res.writeHead(202).end('ok')
      })
    },
    { headers: { 'content-type': 'application/json' } },
    'us%40er:pass@',
  )
  let connections = 0
  server.on('connection', () => connections++)
  expect(await send('[1', ',2]')).toEqual({ kind: 'taken', status: 202, body: 'ok' })
  expect(await send('[]')).toMatchObject({ kind: 'taken' })
  const authorization = `Basic ${Buffer.from('us@er:pass').toString('base64')}`
  const type = 'application/json'
  expect(seen[0]).toEqual({ line: 'POST /take?x=1', authorization, length: '5', type, body: '[1,2]' })
  expect(connections).toBe(1)
})

it.each([
  [429, { 'retry-after': '3' }, { kind: 'again', retryAfterMs: 3000 }],
  [503, { 'retry-after': 'soon' }, { kind: 'again', retryAfterMs: undefined }],
  [502, {}, { kind: 'again' }],
  [504, {}, { kind: 'again' }],
  [400, {}, { kind: 'refused', status: 400 }],
  [413, {}, { kind: 'refused', status: 413 }],
  [500, {}, { kind: 'refused', status: 500 }],
  [302, { location: '/elsewhere' }, { kind: 'refused', status: 302 }],
])('knows from status %i whether another try can help', async (status, headers, outcome) => {
  const { send } = await serverThat((_, res) => res.writeHead(status, headers).end())
  expect(await send('x')).toMatchObject({ ...outcome, reason: `answered ${status}` })
})

it('keeps a little of a long answer, and of an error one line', async () => {
  const long = await serverThat((_, res) => res.end('x'.repeat(1_000_000)), { maxAnswerBytes: 10 })
  expect(await long.send('x')).toMatchObject({ body: 'xxxxxxxxxx' })
  const wrong = await serverThat((_, res) => res.writeHead(400).end(`no\r\n2021/08/10 [x] ${'y'.repeat(500)}`))
  const { reason } = (await wrong.send('x')) as { reason: string }
  expect(reason).toMatch(/^answered 400: no 2021\/08\/10 \[x\] y+…$/)
  expect(reason.length).toBeLessThan(150)
})

it('takes a refused connection for one where another try can help, and a broken answer not', async () => {
  const gone = await serverThat(() => {})
  await new Promise((resolve) => gone.server.close(resolve))
  expect(await gone.send('x')).toMatchObject({ kind: 'again', reason: expect.stringContaining('ECONNREFUSED') })
  const cut = await serverThat((_, res) => {
    res.writeHead(200, { 'content-length': 10 }).write('abc')
    setImmediate(() => res.destroy())
  })
  expect(await cut.send('x')).toMatchObject({ kind: 'refused', reason: expect.stringContaining('broke off') })
})

it('ends when it is told to', async () => {
  const { port } = await serverThat(() => {})
  const controller = new AbortController()
  const post = createHttpPost({ url: new URL(`http://127.0.0.1:${port}/`) })
  const outcome = post.post([Buffer.from('x')], controller.signal)
  controller.abort()
  expect(await outcome).toMatchObject({ kind: 'refused' })
})
