/**
 * moleculer-web, whose actions are at another node over moleculer's TCP. Only the gateway's process is counted, as the nodes
 * of the others are not.
 */
import moleculer from 'moleculer'
import ApiGateway from 'moleculer-web'
import { LARGE, SMALL } from './scenarios.mjs'

const broker = (nodeID, port, nodePort) =>
  new moleculer.ServiceBroker({
    nodeID,
    logger: false,
    transporter: {
      type: 'TCP',
      options: { udpDiscovery: false, port, urls: [`tcp://127.0.0.1:${nodePort}/node`] },
    },
  })

/** The node with the actions: a process of its own. */
export async function serveNode({ ownPorts }) {
  const node = broker('node', ownPorts[0], ownPorts[0])
  const [small, large] = [SMALL, LARGE].map((text) => JSON.parse(text))
  let requests = 0
  const counted = (answer) => () => {
    requests++
    return answer
  }
  const actions = {
    small: counted(small),
    post: counted(small),
    large: counted(large),
    count: () => requests,
    source: (ctx) => Number(ctx.params.number),
  }
  node.createService({ name: 'bench', actions })
  await node.start()
}

export async function serve({ port, ownPorts }) {
  const gateway = broker('gateway', ownPorts[1], ownPorts[0])
  const aliases = {
    'GET bench/small': 'bench.small',
    'POST bench/post': 'bench.post',
    'GET bench/large': 'bench.large',
    'GET bench/count': 'bench.count',
    'GET bench/source': 'bench.source',
  }
  const service = gateway.createService({
    name: 'api',
    mixins: [ApiGateway],
    settings: {
      port,
      ip: '127.0.0.1',
      routes: [{ path: '/api', aliases, mappingPolicy: 'restrict', bodyParsers: { json: true } }],
    },
  })
  await gateway.start()
  service.server.keepAliveTimeout = 600_000
  await gateway.waitForServices('bench', 30_000)
}
