/** Sends a web Response over node:http: `set-cookie` apart, a short answer in one piece, a long one as it is made. */
import type { IncomingMessage, ServerResponse } from 'node:http'

/**
 * Resolves once the answer is out or the client is gone. A body that fails before anything was sent rejects; one that
 * fails later ends the connection, so that no short body looks complete.
 */
export async function sendResponse(response: Response, req: IncomingMessage, res: ServerResponse): Promise<void> {
  // The application may have answered by itself through `env.outgoing`; Hono's Node helpers say so with a header.
  if (res.headersSent || res.destroyed || response.headers.has('x-hono-already-sent'))
    return void (await response.body?.cancel().catch(() => {}))
  res.statusCode = response.status
  if (response.statusText !== '') res.statusMessage = response.statusText
  for (const [name, value] of response.headers) {
    if (name !== 'set-cookie') res.setHeader(name, value)
  }
  const cookies = response.headers.getSetCookie()
  if (cookies.length > 0) res.setHeader('set-cookie', cookies)
  if (response.body === null || req.method === 'HEAD' || response.status === 204 || response.status === 304) {
    await response.body?.cancel().catch(() => {})
    res.end()
    return
  }
  await sendBody(response.body.getReader(), res)
}

async function sendBody(reader: ReadableStreamDefaultReader<Uint8Array>, res: ServerResponse): Promise<void> {
  const gone = (): void => void reader.cancel(res.errored ?? undefined).catch(() => {})
  res.once('close', gone)
  // A stream that is silent at first still shows its head; one that is at hand goes out with its length known.
  let held: Uint8Array | undefined
  const flush = (): void => {
    if (held === undefined) res.flushHeaders()
    else res.write(held)
    held = undefined
  }
  let turn: NodeJS.Immediate | undefined = setImmediate(flush)
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (res.destroyed) return
      if (done) break
      if (turn !== undefined && !res.headersSent && held === undefined) {
        held = value
        continue
      }
      clearImmediate(turn)
      turn = undefined
      if (held !== undefined) flush()
      if (!res.write(value)) await drained(res)
    }
    clearImmediate(turn)
    res.end(held)
  } catch (error) {
    clearImmediate(turn)
    if (!res.headersSent) throw error
    res.destroy()
  } finally {
    res.off('close', gone)
  }
}

function drained(res: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      res.off('drain', done)
      res.off('close', done)
      resolve()
    }
    res.on('drain', done)
    res.on('close', done)
    if (res.destroyed) done()
  })
}
