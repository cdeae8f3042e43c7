/** One process of the benchmark: `server <contestant>` or `client <contestant> <port>`, told what to do over its channel. */
import { isDeepStrictEqual } from 'node:util'
import { CONTESTANTS } from './contestants.mjs'
import { MIXED, PAYLOADS, samples } from './payloads.mjs'

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

  async function run({ task, payloads, ...scenario }) {
    return task === 'check' ? check(payloads) : measure(scenario)
  }

  /** Answers first: every method and every size, many at once, each with its own value. */
  async function check(payloads) {
    let wrong = 0
    let checked = 0
    const calls = []
    const call = (method, i) => {
      checked++
      const value = method === 0 ? { ...samples[0], id: i + 1 } : { ...samples[method], check: i }
      calls.push(
        methods[method](value).then((output) => {
          if (!isDeepStrictEqual(output, value)) wrong++
        }),
      )
    }
    for (let i = 0; i < 2000; i++) call(i % MIXED, i)
    for (const payload of payloads) for (let i = 0; i < 50; i++) call(PAYLOADS[payload].method, i)
    await Promise.all(calls)
    if (wrong > 0) throw new Error(`${name}: ${wrong} of ${checked} answers are wrong`)
    return { checked }
  }

  async function measure({ inFlight, windowMs, mix, payload }) {
    const tookMs = []
    let calls = 0
    let over = false
    let { method } = PAYLOADS[payload]
    const startMs = performance.now()
    const endMs = startMs + windowMs
    const one = inFlight === 1
    const lane = async () => {
      for (;;) {
        // Looking at the clock is not what is measured.
        if ((calls & 31) === 0 && performance.now() >= endMs) over = true
        if (over) return
        if (mix && ++method === MIXED) method = 0
        const sentMs = one ? performance.now() : 0
        await methods[method](samples[method])
        if (one) tookMs.push(performance.now() - sentMs)
        calls++
      }
    }
    await Promise.all(Array.from({ length: inFlight }, lane))
    const wallMs = performance.now() - startMs
    tookMs.sort((a, b) => a - b)
    return { calls, wallMs, p50Us: one ? tookMs[tookMs.length >> 1] * 1000 : undefined }
  }
}
