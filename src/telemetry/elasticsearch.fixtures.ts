/** Speaks `_bulk` as strictly as a server does, and answers what a test wants. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Asked {
  readonly method: string
  readonly path: string
  readonly authorization: string | undefined
}

export interface BulkServer {
  readonly url: string
  readonly asked: readonly Asked[]
  /** By index and id, as `_bulk` created them. */
  readonly documents: ReadonlyMap<string, Readonly<Record<string, unknown>>>
  /** What it does with a batch: a status for the whole, `hang`, `cut` after it is taken, or a status for each item. */
  bulk: 'hang' | 'cut' | number | ((document: Readonly<Record<string, unknown>>) => number)
  /** What it does with a new index. */
  create: number
  close(): Promise<void>
}

export async function startBulkServer(): Promise<BulkServer> {
  const asked: Asked[] = []
  const documents = new Map<string, Readonly<Record<string, unknown>>>()
  const server = createServer(async (request, response) => {
    let body = ''
    request.setEncoding('utf8')
    for await (const chunk of request) body += chunk
    const { method = '', url = '', headers } = request
    asked.push({ method, path: url, authorization: headers.authorization })
    const answer = (status: number, content: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(content))
    }
    if (method === 'PUT') return answer(self.create, { acknowledged: true })
    if (self.bulk === 'hang') return
    if (typeof self.bulk === 'number') return answer(self.bulk, { error: { reason: 'as asked' } })
    if (method !== 'POST' || !url.startsWith('/_bulk')) return answer(405, {})
    if (headers['content-type'] !== 'application/x-ndjson') return answer(406, {})
    const lines = body.split('\n')
    if (lines.pop() !== '' || lines.length === 0 || lines.length % 2 !== 0) return answer(400, { error: 'no lines' })
    const items = []
    for (let at = 0; at < lines.length; at += 2) {
      const action = JSON.parse(lines[at] as string) as Record<string, Record<string, string>>
      const { create } = action
      const names = Object.keys(create ?? {}).join()
      if (Object.keys(action).length !== 1 || names !== '_index,_id') return answer(400, { error: 'no action' })
      const document = JSON.parse(lines[at + 1] as string) as Record<string, unknown>
      const key = `${create?._index}/${create?._id}`
      const wanted = typeof self.bulk === 'function' ? self.bulk(document) : 201
      const status = wanted < 300 && documents.has(key) ? 409 : wanted
      if (status === 201) documents.set(key, document)
      items.push({ create: status < 300 ? { status } : { status, error: { type: 'some', reason: 'thing' } } })
    }
    if (self.bulk === 'cut') request.socket.destroy()
    else answer(200, { errors: items.some((item) => item.create.status >= 300), items })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const self: BulkServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    documents,
    bulk: () => 201,
    create: 200,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return self
}
