/** What holds behind our own parser holds behind that of node:http as well: `gateway.parser: safe`. */
import { standBehind } from './gateway.fixtures.ts'

standBehind('safe')
await import('./create-gateway.test.ts')
await import('./upgraded-call.test.ts')
await import('./method-call.test.ts')
