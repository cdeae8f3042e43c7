/** What a process tells of itself: CPU, memory, files, and how late its timers are. */
import { readdir, readFile } from 'node:fs/promises'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Clock } from '../core/clock.ts'
import type { MetricsRegistry } from '../telemetry/metrics.ts'
import type { OwnMetrics } from '../telemetry/own-metrics.ts'

/** How often the event loop is looked at; its own lateness is what is beyond. */
const LOOK_MS = 20
/** "Lately": whoever asks more often gets the same stretch of time, longer by then. */
const STRETCH_MS = 10_000
const NS_PER_S = 1e9
const US_PER_S = 1e6

/** Returns how to stop. */
export function watchProcess(own: OwnMetrics, registry: MetricsRegistry, clock: Clock): () => void {
  const startedS = clock.wallMs() / 1000 - process.uptime()
  const delays = monitorEventLoopDelay({ resolution: LOOK_MS })
  let sinceMs = clock.now()
  let version: string | undefined
  delays.enable()
  const late = (delayNs: number): number => Math.max(0, delayNs / NS_PER_S - LOOK_MS / 1000)
  own.started.bind().set(startedS)

  const stop = registry.collector(async () => {
    version ??= await ownVersion()
    own.info.bind(version, process.versions.node).set(1)
    own.loopDelayMedian.bind().set(late(delays.percentile(50)))
    own.loopDelayHigh.bind().set(late(delays.percentile(99)))
    own.loopDelayMost.bind().set(late(delays.max))
    if (clock.now() - sinceMs >= STRETCH_MS) {
      sinceMs = clock.now()
      delays.reset()
    }
    const { user, system } = process.cpuUsage()
    own.cpu.bind().value = (user + system) / US_PER_S
    const { rss, heapUsed, external } = process.memoryUsage()
    own.residentMemory.bind().set(rss)
    own.heapUsed.bind().set(heapUsed)
    own.external.bind().set(external)
    if (process.platform !== 'linux') return
    own.openFiles.bind().set((await readdir('/proc/self/fd')).length)
  })
  return () => {
    stop()
    delays.disable()
  }
}

async function ownVersion(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8')
  return String(JSON.parse(text).version)
}
