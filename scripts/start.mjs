/** `npm start`: makes the checkout ready and runs the demo in this same process, so that nothing stays behind. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ensure, root } from './ensure.mjs'

ensure()
const main = join(root, 'dist', 'cli', 'main.js')
process.argv = [process.argv[0], main, 'demo', ...process.argv.slice(2)]
await import(pathToFileURL(main).href)
