/** A call to a service of the same process, beside awaiting the function behind it. Run as a process of its own. */
import { client, contract, rpc, serve, service } from '../../dist/index.js'
import { envOf } from './goms-nodes.mjs'
import { samples } from './payloads.mjs'

const Local = contract('local', { rpc: { echo: rpc() } })
const [small] = samples
const handler = (input) => input
await serve(service(Local, { rpc: { echo: handler } }), { env: { ...envOf(0), GOMS_REGISTRY: 'memory' } })
const local = client(Local)

/** What the caller of a plain function writes. */
async function plain(input) {
  return handler(input)
}

const CALLS = 50_000
async function nsOf(call) {
  const startMs = performance.now()
  for (let i = 0; i < CALLS; i++) await call(small)
  return ((performance.now() - startMs) / CALLS) * 1e6
}

const subjects = { 'await of the plain function': plain, 'client(Local).echo': local.echo }
const rounds = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]))
for (let i = 0; i < 9; i++) for (const [name, call] of Object.entries(subjects)) rounds[name].push(await nsOf(call))
const result = Object.entries(rounds).map(([name, ns]) => ({ name, ns: ns.slice(2).sort((a, b) => a - b)[3] }))
process.stdout.write(`${JSON.stringify(result)}\n`)
process.exit(0)
