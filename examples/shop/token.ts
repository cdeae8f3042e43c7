/** The shop's session tokens: `<user name>.<signature>`, so that the gateway can check one without asking anybody. */
import { createHmac, timingSafeEqual } from 'node:crypto'

const secret = process.env.SHOP_SECRET ?? 'only for the demo'

export function tokenFor(username: string): string {
  return `${Buffer.from(username).toString('base64url')}.${signature(username)}`
}

/** The user name that a token was made for, or undefined when it is not one of ours. */
export function usernameIn(token: string): string | undefined {
  const [name = '', given = ''] = token.split('.')
  const username = Buffer.from(name, 'base64url').toString()
  const wanted = signature(username)
  if (given.length !== wanted.length || !timingSafeEqual(Buffer.from(given), Buffer.from(wanted))) return undefined
  return username
}

function signature(username: string): string {
  return createHmac('sha256', secret).update(username).digest('base64url')
}
