/** One process of the benchmark: `server <contestant>` or `client <contestant> <port>`, told what to do over its channel. */
import { isDeepStrictEqual } from 'node:util'
import { CONTESTANTS } from './contestants.mjs'
import { METHODS, mixed, small } from './payloads.mjs'

const [role, name, port] = process.argv.slice(2)
const contestant = await CONTESTANTS[name].load()
process.on('disconnect', () => process.exit(0))

if (role === 'server') {
  const served = await contestant.serve()
  process.send({ port: served.port })
} else {
  const methods = await contestant.open(Number(port))
  process.on('message', (message) => {
    run(message).then(
      (result) => process.send({ result }),
      (error) => process.send({ error: String(error?.stack ?? error) }),
    )
  })
  process.send({ ready: true })

  async function run({ task, inFlight, windowMs, mix }) {
    return task === 'check' ? check() : measure(inFlight, windowMs, mix)
  }

  /** Answers first: every method, many at once, each with its own value. */
  async function check() {
    let wrong = 0
    const calls = []
    for (let i = 0; i < 2000; i++) {
      const method = i % METHODS
      const value = method === 0 ? { ...small, id: i + 1 } : { ...mixed(method), check: i }
      calls.push(
        methods[method](value).then((output) => {
          if (!isDeepStrictEqual(output, value)) wrong++
        }),
      )
    }
    await Promise.all(calls)
    if (wrong > 0) throw new Error(`${name}: ${wrong} of 2000 answers are wrong`)
    return { checked: 2000 }
  }

  async function measure(inFlight, windowMs, mix) {
    const inputs = Array.from({ length: METHODS }, (_, i) => (i === 0 ? small : mixed(i)))
    const tookMs = []
    let calls = 0
    let method = 0
    const startMs = performance.now()
    const endMs = startMs + windowMs
    const one = inFlight === 1
    const lane = async () => {
      for (;;) {
        // Looking at the clock is not what is measured.
        if ((calls & 31) === 0 && performance.now() >= endMs) return
        if (mix && ++method === METHODS) method = 0
        const sentMs = one ? performance.now() : 0
        await methods[method](inputs[method])
        if (one) tookMs.push(performance.now() - sentMs)
        calls++
      }
    }
    // Each lane may overshoot by one look at the clock.
    await Promise.all(Array.from({ length: inFlight }, lane))
    const wallMs = performance.now() - startMs
    tookMs.sort((a, b) => a - b)
    return { calls, wallMs, p50Us: one ? tookMs[tookMs.length >> 1] * 1000 : undefined }
  }
}
