/** The door of the shop. Who a request comes from is decided here, once, and travels on as the call's identity. */
import { GomsError, gateway } from 'goms'
import { usernameIn } from './token.ts'

export default gateway({
  auth(req, { service }) {
    // Registering and logging in are open to everybody; ordering needs the token that login gave.
    if (service === 'user') return undefined
    const token = req.headers.authorization?.replace(/^Bearer /i, '')
    const username = token && usernameIn(token)
    if (!username)
      throw new GomsError('UNAUTHENTICATED', 'send "Authorization: Bearer <token>" with the token of login')
    return { username }
  },
})
