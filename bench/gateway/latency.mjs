/** The time of a request while the gateway has little to do: the same rate for all, whatever they could bear. */
import { CONTESTANTS } from './contestants.mjs'
import { openLoop } from './open-loop.mjs'

const PER_SECOND = 5000
const DURATION_MS = 1500
const ROUNDS = 3
const REQUEST = 'GET /api/bench/small HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\n\r\n'

/** One entry a round for each of them that takes part in all scenarios, and for the floor. */
export async function measureLatency(gateways, say) {
  const main = gateways.filter(({ name }) => CONTESTANTS[name].only === undefined || CONTESTANTS[name].floor)
  const samples = Object.fromEntries(main.map(({ name }) => [name, []]))
  for (let round = 0; round < ROUNDS; round++)
    for (let i = 0; i < main.length; i++) {
      const { name, base } = main[(i + round) % main.length]
      samples[name].push(await openLoop({ base, request: REQUEST, perSecond: PER_SECOND, durationMs: DURATION_MS }))
    }
  say('latency is measured')
  return samples
}
