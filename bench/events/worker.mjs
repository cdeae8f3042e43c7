/** One process of the benchmark: `<contestant> <amqp address> <publish or consume>`, told over its channel what to do. */
import { cpuUs } from '../common/cpu.mjs'

const [contestant, address, role] = process.argv.slice(2)
const { open } = await import(`./${contestant}.mjs`)
const { publish, consume } = await open(address, role)

process.on('disconnect', () => process.exit(0))
process.on('message', (order) => {
  run(order).then(
    (result) => process.send({ result }),
    (error) => process.send({ error: String(error?.stack ?? error) }),
  )
})
process.send({ ready: true })

async function run({ task, count, inFlight }) {
  const seen = []
  const from = cpuUs(process.pid)
  const tookMs =
    task === 'check'
      ? await consume(count, (payload) => seen.push(payload.at))
      : role === 'publish'
        ? await publishAll(count, inFlight)
        : await consume(count)
  return { tookMs, cpuUs: (cpuUs(process.pid) - from) / count, seen }
}

async function publishAll(count, inFlight) {
  let at = 0
  const lane = async () => {
    while (at < count) await publish({ at: at++, orderId: 'b0a4f8c2-5f0e-4d8e-9d35-1a5a3c1f7e10', username: 'bob' })
  }
  const startMs = performance.now()
  await Promise.all(Array.from({ length: inFlight }, lane))
  return performance.now() - startMs
}
