/** What the user service offers: to other services as methods, to the outside over HTTP. */
import { contract, rpc } from 'goms'

export const User = contract('user', {
  rpc: {
    /** Does this user name exist? */
    exists: rpc<{ username: string }, { exists: boolean }>({ timeoutMs: 2000, idempotent: true }),
  },
  http: {
    register: 'POST /register',
    login: '/login',
    exists: 'GET /exists',
  },
})
