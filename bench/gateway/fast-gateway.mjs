/** fast-gateway as its documents show it; it takes one target for each route. */
import { createServer } from 'node:http'
import fastGateway from 'fast-gateway'

export async function serve({ port, nodes }) {
  const server = createServer()
  server.keepAliveTimeout = 600_000
  server.requestTimeout = 0
  const gateway = fastGateway({
    restana: { server },
    routes: [{ prefix: '/api/bench', target: `http://127.0.0.1:${nodes[0]}`, prefixRewrite: '' }],
  })
  await gateway.start(port, '127.0.0.1')
}
