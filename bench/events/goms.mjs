/** goms as its users write it: `emitter`, and a service with `on`. */
import { contract, emitter, event, serve, service } from '../../dist/index.js'

const Order = contract('order', { events: { submitted: event() } })
let handle = () => {}
const mail = service('mail', {
  uses: { order: Order },
  on: { order: { submitted: (payload) => handle(payload) } },
})

export async function open(address, role) {
  const flags = { amqpAddr: address, projectName: 'bench', registry: 'memory', httpPort: '0', rpcPort: '0', drain: '0' }
  const log = { debug() {}, info() {}, warn: console.error, error: console.error }
  const options = { flags, env: {}, log, cwd: import.meta.dirname }
  if (role === 'publish') {
    await serve(service(Order), options)
    const emit = emitter(Order)
    return { publish: (payload) => emit('submitted', payload) }
  }
  // Once, so that its queue is there.
  await (await serve(mail, options)).close('now')
  return {
    async consume(count, seen) {
      let firstMs = 0
      let got = 0
      let done
      const all = new Promise((resolve) => {
        done = resolve
      })
      handle = (payload) => {
        if (got === 0) firstMs = performance.now()
        seen?.(payload)
        if (++got === count) done()
      }
      const served = await serve(mail, options)
      await all
      const tookMs = performance.now() - firstMs
      await served.close()
      return tookMs
    },
  }
}
