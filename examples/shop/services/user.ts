/** Users: register, log in, and whether a name exists. Login shows what arrived, as the original's example did. */
import { service } from 'goms'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { User } from '../contracts/user.ts'
import { tokenFor } from '../token.ts'
import { accounts, cache } from './accounts.ts'

const app = new Hono()
// The gateway streams bodies of any size; what is read into memory here is bounded here.
app.use(bodyLimit({ maxSize: 1024 * 1024 }))

// What is not here to be caught is Redis being away: the caller learns that it is not its fault, the log the rest.
app.onError((error, c) => {
  console.error(`user ${c.req.path}: ${error.message}`)
  return c.json({ code: 503, msg: 'names and sessions are not at hand', data: null }, 503)
})

app.post('/register', async (c) => {
  const body = await c.req.json<{ username?: string }>().catch(() => null)
  const username = body?.username
  if (!username) return c.json({ code: 400, msg: 'username is missing', data: null }, 400)
  await accounts().add(username)
  return c.json({ code: 0, msg: 'success', data: { username } })
})

app.all('/login', async (c) => {
  const body = await c.req.json<{ username?: string }>().catch(() => null)
  if (body?.username) {
    const token = tokenFor(body.username)
    await accounts().openSession(token, body.username)
    c.header('X-Session-Token', token)
  }
  const url = new URL(c.req.url)
  const headers = Object.fromEntries([...c.req.raw.headers].map(([name, value]) => [titled(name), value]))
  return c.json({ code: 0, msg: 'success', data: { body, headers, method: c.req.method, urlParam: url.search } })
})

app.get('/exists', async (c) => {
  const exists = await accounts().has(c.req.query('username') ?? '')
  return c.json({ code: 0, msg: 'success', data: { exists } })
})

/** `content-type` as `Content-Type`: how the original's readme prints headers. */
function titled(name: string): string {
  return name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase())
}

export default service(User, {
  uses: { cache },
  http: app,
  rpc: { exists: async ({ username }) => ({ exists: await accounts().has(username) }) },
})
