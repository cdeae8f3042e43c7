/** What the gateway is held to, and what was measured of it. */
import { median } from '../common/report.mjs'
import { CONTESTANTS } from './contestants.mjs'
import { SCENARIOS } from './scenarios.mjs'

/** CPU time of the other one ÷ that of goms: at least so much. */
const CPU_BARS = [
  ['nginx', 'get', 0.65],
  ['nginx', 'post', 0.65],
  // Level within 25 %.
  ['haproxy', 'large', 0.8],
  ['undici', 'get', 2.3],
  ['reply-from', 'get', 3.9],
  ['fast-gateway', 'get', 5.5],
  ['moleculer-web', 'get', 4],
]

/** At most so much more memory. */
const MEMORY_BARS = [
  ['idleKiB', 'Idle connection', 6, 'KiB'],
  ['uploadMiB', '200 MiB upload', 20, 'MiB'],
  ['slowUploadMiB', '1 GiB up, slow node', 64, 'MiB'],
  ['slowDownloadMiB', '1 GiB down, slow client', 64, 'MiB'],
]

const P50_BAR = 1.1

/** One row for each bar that can be told from what took part. */
export function barsOf({ names, scenarios, samples, latency, memory }) {
  if (!names.includes('goms')) return []
  const cpu = (scenario, name) => median(samples[scenario][name].map((it) => it.cpuUs))
  const rows = []
  for (const [name, scenario, bar] of CPU_BARS) {
    if (!names.includes(name) || !scenarios.includes(scenario)) continue
    const ratio = cpu(scenario, name) / cpu(scenario, 'goms')
    rows.push({
      what: `${CONTESTANTS[name].title} ÷ goms, ${SCENARIOS[scenario].title}`,
      measured: ratio.toFixed(2),
      bar: `≥ ${bar}`,
      met: ratio >= bar,
    })
  }
  if (latency?.goms && latency.nginx) {
    const p50 = (name) => median(latency[name].map((it) => it.p50Us))
    const ratio = p50('goms') / p50('nginx')
    rows.push({
      what: 'p50 of goms ÷ p50 of nginx, 5000 requests/s',
      measured: ratio.toFixed(2),
      bar: `≤ ${P50_BAR}`,
      met: ratio <= P50_BAR,
    })
  }
  for (const [key, what, bar, unit] of memory?.goms ? MEMORY_BARS : []) {
    const value = memory.goms[key]
    rows.push({ what, measured: `+${value.toFixed(1)} ${unit}`, bar: `≤ ${bar} ${unit}`, met: value <= bar })
  }
  return rows
}
