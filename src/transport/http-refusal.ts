/** The answer to what is no request: the door's own, in the words of all refusals, on a connection that ends with it. */
import { STATUS_CODES } from 'node:http'

/** The whole answer. `message` holds nothing of what came. */
export function refusalText(status: number, message: string): string {
  const code = status === 501 ? 'UNIMPLEMENTED' : 'INVALID_ARGUMENT'
  const body = JSON.stringify({ status: false, code, msg: message })
  return (
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nConnection: close\r\n` +
    `Content-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  )
}
