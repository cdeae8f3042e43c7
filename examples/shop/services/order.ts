/** Orders: submitting one asks the user service whether its buyer exists. */
import { randomUUID } from 'node:crypto'
import { callContext, client, service } from 'goms'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { User } from '../contracts/user.ts'

const user = client(User)
const app = new Hono()
// The gateway streams bodies of any size; what is read into memory here is bounded here.
app.use(bodyLimit({ maxSize: 1024 * 1024 }))

app.post('/order/submit', async (c) => {
  const identity = callContext(c.req.raw)?.identity as { username: string } | undefined
  const username = identity?.username ?? ''
  const { exists } = await user.exists({ username }, { timeoutMs: 500 })
  if (!exists) return c.json({ code: 404, msg: `no user "${username}"`, data: null }, 404)
  return c.json({ code: 0, msg: 'success', data: { orderId: randomUUID(), username } })
})

export default service('order', { http: app })
