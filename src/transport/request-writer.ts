/** Puts a request on a connection: in one write where it is small, framed anew always. */
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { ONE_WRITE_BYTES, RequestBody } from './request-body.ts'
import type { UpstreamRequest } from './upstream.ts'

/** Methods whose requests say that they have no body (RFC 9110 §8.6). */
const FRAMED_WHEN_EMPTY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'PROPFIND', 'PROPPATCH', 'QUERY'])

/**
 * Writes it, or of a stream its head, and the rest as it comes.
 * @param failed see {@link RequestBody}
 * @returns the body that is still on its way
 */
export function writeRequest(
  socket: Socket,
  { method, path, fields, body, contentLength }: UpstreamRequest,
  failed: (error: Error) => void,
): RequestBody | undefined {
  const head = `${method} ${path} HTTP/1.1\r\n${fields}`
  if (body === null) {
    socket.write(FRAMED_WHEN_EMPTY.has(method) ? `${head}Content-Length: 0\r\n\r\n` : `${head}\r\n`, 'latin1')
    return undefined
  }
  if (body instanceof Readable) {
    const framing = contentLength === undefined ? 'Transfer-Encoding: chunked' : `Content-Length: ${contentLength}`
    return new RequestBody(socket, `${head}${framing}\r\n\r\n`, body, contentLength, failed)
  }
  const framed = `${head}Content-Length: ${body.length}\r\n\r\n`
  if (framed.length + body.length <= ONE_WRITE_BYTES) {
    socket.write(framed + body.toString('latin1'), 'latin1')
    return undefined
  }
  socket.cork()
  socket.write(framed, 'latin1')
  socket.write(body)
  socket.uncork()
  return undefined
}
