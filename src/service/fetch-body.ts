/** The body of a request as a web stream: read only as fast as the application reads, and broken where the client broke off. */
import type { IncomingMessage } from 'node:http'

/** Nothing is taken from the connection before the application reads. */
export function toBodyStream(req: IncomingMessage): ReadableStream<Uint8Array> {
  let listening = false
  let done = false
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (!listening) {
          listening = true
          req.on('data', (chunk: Buffer) => {
            if (done) return
            controller.enqueue(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength))
            if ((controller.desiredSize ?? 0) <= 0) req.pause()
          })
          req.once('end', () => {
            if (done) return
            done = true
            controller.close()
          })
          const fail = (error?: Error): void => {
            if (done) return
            done = true
            controller.error(error ?? new DOMException('the client broke off in the middle of its body', 'AbortError'))
          }
          req.once('error', fail)
          req.once('close', () => fail())
          if (req.destroyed) return fail()
        }
        req.resume()
      },
      cancel() {
        done = true
        // The rest is dropped, so that the connection can carry the next request.
        req.resume()
      },
    },
    { highWaterMark: 0 },
  )
}
