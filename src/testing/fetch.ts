/** `fetch` to an address of the memory network. */
import type { Address } from '../core/node.ts'
import type { Upstream } from '../transport/upstream.ts'

const NO_BODY = new Set([204, 205, 304])

export async function fetchFrom(
  upstream: Upstream,
  address: Address,
  url: string,
  init?: RequestInit,
): Promise<Response> {
  const request = new Request(url, init)
  const { pathname, search, host } = new URL(request.url)
  const body = request.body === null ? null : Buffer.from(await request.arrayBuffer())
  const headers = ['host', host, ...[...request.headers].flat()]
  return new Promise((resolve, reject) => {
    let controller: ReadableStreamDefaultController<Uint8Array> | undefined
    const handle = upstream.send(
      address,
      { method: request.method, path: pathname + search, headers, body },
      {
        sent() {},
        info() {},
        head(status, raw, statusText) {
          const stream = new ReadableStream<Uint8Array>({
            start: (given) => {
              controller = given
            },
            pull: () => handle.resume(),
            cancel: () => handle.abort(),
          })
          const answer = new Headers()
          for (let i = 0; i < raw.length; i += 2) answer.append(raw[i] ?? '', raw[i + 1] ?? '')
          const empty = NO_BODY.has(status) || request.method === 'HEAD'
          resolve(new Response(empty ? null : stream, { status, statusText, headers: answer }))
        },
        data(chunk) {
          controller?.enqueue(chunk)
          return (controller?.desiredSize ?? 1) > 0
        },
        end: () => controller?.close(),
        error(error) {
          controller?.error(error)
          reject(error)
        },
      },
    )
    request.signal.addEventListener('abort', () => {
      handle.abort()
      controller?.error(request.signal.reason)
      reject(request.signal.reason)
    })
  })
}
