/** `/-/live` and `/-/ready`: a word for whoever watches the process, without a key. Detail is the admin listener's affair. */
import type { IncomingMessage, ServerResponse } from 'node:http'

export type Probe = 'live' | 'ready'

/** Which probe a target asks for, if any. */
export function probeOf(url: string | undefined): Probe | undefined {
  if (url === undefined || !url.startsWith('/-/')) return undefined
  const path = url.split('?', 1)[0]
  if (path === '/-/live') return 'live'
  return path === '/-/ready' ? 'ready' : undefined
}

/** 200 or 503 with a word. */
export function answerProbe(req: IncomingMessage, res: ServerResponse, ok: boolean, word: string): void {
  const body = `${word}\n`
  res.writeHead(ok ? 200 : 503, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
  })
  res.end(req.method === 'HEAD' ? undefined : body)
}
