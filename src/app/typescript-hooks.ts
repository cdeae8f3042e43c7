/** Module hooks that let Node below 22.18 run TypeScript files as they are. Registered by `service-file.ts` when needed. */
import { readFile } from 'node:fs/promises'
import type { LoadHook } from 'node:module'
import { fileURLToPath } from 'node:url'
import { transform } from 'oxc-transform'

export const load: LoadHook = async (url, context, nextLoad) => {
  if (!/^file:.*\.[mc]?ts$/.test(url)) return nextLoad(url, context)
  const path = fileURLToPath(url)
  const { code, errors, map } = await transform(path, await readFile(path, 'utf8'), { sourcemap: true })
  const first = errors[0]
  if (first) throw new SyntaxError(`${path}: ${first.message}${first.codeframe ? `\n${first.codeframe}` : ''}`)
  const inline = Buffer.from(JSON.stringify(map)).toString('base64')
  const source = `${code}\n//# sourceMappingURL=data:application/json;base64,${inline}`
  return { format: url.endsWith('.cts') ? 'commonjs' : 'module', source, shortCircuit: true }
}
