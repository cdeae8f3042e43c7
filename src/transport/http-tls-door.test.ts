import type { HttpDoorOptions } from './http-door.ts'
import { httpExchangeSuite } from './http-exchange.suite.ts'
import { createHttpNodeDoor } from './http-node-door.ts'
import { createHttpRawDoor } from './http-raw-door.ts'
import { createHttpTlsDoor } from './http-tls-door.ts'
import { createAuthority, openTls } from './tls.fixtures.ts'

const authority = createAuthority()
const material = authority.issue('door')

const over = {
  open: (port: number, options: object) => openTls(port, { ...options, ca: authority.ca }),
  encrypted: true,
}

httpExchangeSuite(
  'raw, over TLS',
  (options: HttpDoorOptions) => createHttpTlsDoor({ material, http1: createHttpRawDoor(options) }),
  over,
)
httpExchangeSuite(
  'node:http, over TLS',
  (options: HttpDoorOptions) => createHttpTlsDoor({ material, http1: createHttpNodeDoor(options) }),
  over,
)
