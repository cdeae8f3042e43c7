/** moleculer over its TCP transporter, without discovery by UDP, metrics or tracing (its defaults). */
import { createServer } from 'node:net'
import moleculer from 'moleculer'
import { METHODS, methodName } from './payloads.mjs'

const { ServiceBroker } = moleculer

async function freePort() {
  const server = createServer()
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

function broker(nodeID, port, serverPort) {
  return new ServiceBroker({
    nodeID,
    logger: false,
    transporter: {
      type: 'TCP',
      options: { udpDiscovery: false, port, urls: [`tcp://127.0.0.1:${serverPort}/server`] },
    },
  })
}

export async function serve() {
  const port = await freePort()
  const server = broker('server', port, port)
  const actions = {}
  for (let i = 0; i < METHODS; i++) actions[methodName(i)] = (ctx) => ctx.params
  server.createService({ name: 'bench', actions })
  await server.start()
  return { port }
}

export async function open(port) {
  const client = broker('client', await freePort(), port)
  await client.start()
  await client.waitForServices('bench', 30_000)
  return Array.from({ length: METHODS }, (_, i) => {
    const name = `bench.${methodName(i)}`
    return (input) => client.call(name, input)
  })
}
