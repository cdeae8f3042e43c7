/** One gateway in Node, or its node: `node worker.mjs <contestant> <what it is given, as JSON> [node]`; ends with its channel. */
import { CONTESTANTS } from './contestants.mjs'

const [name, given, role] = process.argv.slice(2)
process.on('disconnect', () => process.exit(0))
const { load, options } = CONTESTANTS[name]
const { serve, serveNode } = await load()
await (role === 'node' ? serveNode : serve)({ ...JSON.parse(given), name, options })
