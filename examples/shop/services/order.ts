/** Orders: submitting one asks the user service whether its buyer exists. */
import { randomUUID } from 'node:crypto'
import { callContext, client, GomsError, service } from 'goms'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { User } from '../contracts/user.ts'

const user = client(User)
const app = new Hono()
// The gateway streams bodies of any size; what is read into memory here is bounded here.
app.use(bodyLimit({ maxSize: 1024 * 1024 }))

// A user service that cannot be reached has a code and a status of its own.
app.onError((error, c) => {
  console.error(`order ${c.req.path}: ${error.message}`)
  const status = error instanceof GomsError && error.status === 504 ? 504 : 503
  return c.json({ code: status, msg: 'the buyer cannot be checked', data: null }, status)
})

app.post('/order/submit', async (c) => {
  const identity = callContext(c.req.raw)?.identity as { username: string } | undefined
  const username = identity?.username ?? ''
  const { exists } = await user.exists({ username }, { timeoutMs: 500 })
  if (!exists) return c.json({ code: 404, msg: `no user "${username}"`, data: null }, 404)
  return c.json({ code: 0, msg: 'success', data: { orderId: randomUUID(), username } })
})

export default service('order', { http: app })
