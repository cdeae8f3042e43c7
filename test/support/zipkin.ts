/** A real Zipkin for tests, on a free port, keeping its spans in memory. It takes about ten seconds to start. */
import { jarOf, missingJars } from '../../scripts/jars.mjs'
import { freePort, type Running, startProcess } from './processes.ts'
import { SLACK } from './timing.ts'

export const ZIPKIN_START_MS: number = 60_000 * SLACK

/** Why tests with Zipkin are skipped, or undefined where it is there or GOMS_REQUIRE_SERVERS=1 wants a failure instead. */
export const zipkinMissing: string | undefined =
  missingJars().includes('zipkin') && !process.env.GOMS_REQUIRE_SERVERS
    ? 'skipped: no Zipkin (with Java and Maven: node scripts/servers.mjs; GOMS_REQUIRE_SERVERS=1 makes this a failure)'
    : undefined

/** A span as Zipkin gives it back. */
export interface ZipkinSpan {
  readonly traceId: string
  readonly id: string
  readonly parentId?: string
  readonly name?: string
  readonly kind?: string
  readonly timestamp: number
  readonly duration: number
  readonly localEndpoint: {
    readonly serviceName: string
    readonly ipv4?: string
    readonly ipv6?: string
    readonly port?: number
  }
  readonly remoteEndpoint?: {
    readonly serviceName?: string
    readonly ipv4?: string
    readonly ipv6?: string
    readonly port?: number
  }
  readonly annotations?: readonly { readonly timestamp: number; readonly value: string }[]
  readonly tags?: Readonly<Record<string, string>>
}

export interface Zipkin {
  readonly port: number
  /** `http://127.0.0.1:<port>`. */
  readonly url: string
  readonly process: Running
  /** The spans of a trace by their begin; none where it is not known. */
  trace(traceId: string): Promise<ZipkinSpan[]>
  close(): Promise<void>
}

export async function startZipkin(): Promise<Zipkin> {
  const port = await freePort()
  const memory = ['-Xms64m', '-Xmx192m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC']
  const env = {
    QUERY_PORT: String(port),
    QUERY_HOST: '127.0.0.1',
    LOGGING_LEVEL_ROOT: 'WARN',
    SELF_TRACING_ENABLED: 'false',
  }
  const java = startProcess('java', [...memory, '-jar', jarOf('zipkin')], { name: 'zipkin', env })
  const url = `http://127.0.0.1:${port}`
  await untilHealthy(url, java)
  return {
    port,
    url,
    process: java,
    async trace(traceId) {
      const response = await fetch(`${url}/api/v2/trace/${traceId}`)
      if (response.status === 404) return []
      const spans = (await response.json()) as ZipkinSpan[]
      return spans.sort((a, b) => a.timestamp - b.timestamp)
    },
    async close() {
      java.signal('SIGKILL', true)
      await java.exited
    },
  }
}

async function untilHealthy(url: string, java: Running): Promise<void> {
  const endMs = Date.now() + ZIPKIN_START_MS
  let ended = false
  void java.exited.then(() => {
    ended = true
  })
  for (;;) {
    const answer = await fetch(`${url}/health`).catch(() => undefined)
    if (answer?.ok) return
    if (ended || Date.now() > endMs) throw new Error(`zipkin does not start:\n${java.text()}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
