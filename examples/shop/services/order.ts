/** Orders: submitting one asks the user service whether its buyer exists, and tells that it was taken; what is told is indexed. */
import { randomUUID } from 'node:crypto'
import { callContext, client, emitter, GomsError, service } from 'goms'
import { elasticsearch } from 'goms/elasticsearch'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { Order } from '../contracts/order.ts'
import { User } from '../contracts/user.ts'

const user = client(User)
const emit = emitter(Order)
const app = new Hono()
// The gateway streams bodies of any size; what is read into memory here is bounded here.
app.use(bodyLimit({ maxSize: 1024 * 1024 }))

// What cannot be reached, the user service or the broker, has a code and a status of its own.
app.onError((error, c) => {
  console.error(`order ${c.req.path}: ${error.message}`)
  const status = error instanceof GomsError && error.status === 504 ? 504 : 503
  return c.json({ code: status, msg: 'the order cannot be taken now', data: null }, status)
})

app.post('/order/submit', async (c) => {
  const identity = callContext(c.req.raw)?.identity as { username: string } | undefined
  const username = identity?.username ?? ''
  const { exists } = await user.exists({ username }, { timeoutMs: 500 })
  if (!exists) return c.json({ code: 404, msg: `no user "${username}"`, data: null }, 404)
  const orderId = randomUUID()
  // Once this resolves the order is told for good, whoever is up now.
  await emit('submitted', { orderId, username })
  return c.json({ code: 0, msg: 'success', data: { orderId, username } })
})

/** Orders are found again in Elasticsearch where `esAddr` is configured. Under its own id an order is there once. */
const orders = elasticsearch({ name: 'orders', optional: true })

export default service(Order, {
  http: app,
  uses: { order: Order, orders },
  on: {
    order: {
      async submitted({ orderId, username }, { orders, event }) {
        await orders?.put('orders', { orderId, username, at: new Date(event.emittedAtMs).toISOString() }, orderId)
      },
    },
  },
})
