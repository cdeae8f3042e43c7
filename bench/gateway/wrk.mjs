/** One window of load by wrk, and what the gateway's processes used in it. */
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { processTree, treeCpuUs } from '../common/cpu.mjs'
import { start } from '../common/programs.mjs'

const CONNECTIONS = 64
/** wrk knows whole seconds only: it is told to end. */
const LONGEST = '600s'
/** How often a window is repeated in which the gateway used no CPU time at all. */
const REPEATS = 3
/** For connections to be closed on the other side too. */
const SETTLE_MS = 30

/** wrk's words for a request. */
export function scriptOf({ method, headers = {}, body }, dir, name) {
  const file = join(dir, `${name}.lua`)
  const lines = [`wrk.method = "${method}"`]
  for (const [key, value] of Object.entries(headers)) lines.push(`wrk.headers["${key}"] = ${JSON.stringify(value)}`)
  if (body !== undefined) lines.push(`wrk.body = ${JSON.stringify(body)}`)
  writeFileSync(file, lines.join('\n'))
  return file
}

/** CPU µs per request of the tree under `pid`, and requests per second. */
export async function window({ url, script, pid, windowMs }) {
  for (let i = 0; i < REPEATS; i++) {
    const pids = processTree(pid)
    const before = treeCpuUs(pids)
    const { requests, seconds } = await load(url, script, windowMs)
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
    const cpuUs = (treeCpuUs(pids) - before) / requests
    if (cpuUs > 0) return { cpuUs, perSecond: requests / seconds }
  }
  throw new Error(`${url}: ${REPEATS} windows without CPU time`)
}

async function load(url, script, windowMs) {
  const args = ['-t1', `-c${CONNECTIONS}`, `-d${LONGEST}`, '--timeout', '10s', '-s', script, url]
  const child = start(1, 'wrk', args, { ends: true })
  let out = ''
  child.stdout.on('data', (text) => {
    out += text
  })
  const timer = setTimeout(() => child.kill('SIGINT'), windowMs)
  const [code] = await once(child, 'close')
  clearTimeout(timer)
  const [, requests, amount, unit] = /(\d+) requests in ([\d.]+)(ms|s|m)\b/.exec(out) ?? []
  if (code !== 0 || !(requests > 0) || /Non-2xx|Socket errors/.test(out)) throw new Error(`wrk ${url}: ${code}\n${out}`)
  return { requests: Number(requests), seconds: Number(amount) * { ms: 0.001, s: 1, m: 60 }[unit] }
}
