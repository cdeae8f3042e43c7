/** `fetch` to an address of the memory network. */
import type { Address } from '../core/node.ts'
import { FIELD, kindOfField } from '../http/field-kinds.ts'
import type { Fields } from '../http/fields.ts'
import { toFieldLines } from '../http/header-rules.ts'
import type { Upstream } from '../transport/upstream.ts'

/** Decided by how the request is carried. */
const OURS = FIELD.hop | FIELD.framing | FIELD.host
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
  const given = [...request.headers].filter(([name]) => (kindOfField(name) & OURS) === 0)
  const fields = toFieldLines(['host', host, ...given.flat()])
  return new Promise((resolve, reject) => {
    let controller: ReadableStreamDefaultController<Uint8Array> | undefined
    const handle = upstream.send(
      address,
      { method: request.method, path: pathname + search, fields, body },
      {
        sent() {},
        info() {},
        head({ status, reason, fields, bodiless }) {
          const stream = new ReadableStream<Uint8Array>({
            start: (given) => {
              controller = given
            },
            pull: () => handle.resume(),
            cancel: () => handle.abort(),
          })
          const empty = NO_BODY.has(status) || bodiless
          resolve(new Response(empty ? null : stream, { status, statusText: reason, headers: toHeaders(fields) }))
        },
        data(chunk) {
          controller?.enqueue(new Uint8Array(chunk))
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

function toHeaders(fields: Fields): Headers {
  const headers = new Headers()
  for (let i = 0; i < fields.count; i++) headers.append(fields.name(i), fields.value(i))
  return headers
}
