/** Loads a service file: JavaScript or TypeScript as it is, and whatever is wrong with it as one clear error. */
import { existsSync, statSync } from 'node:fs'
import { register } from 'node:module'
import { isAbsolute, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { GomsError } from '../core/errors.ts'
import type { GatewayDefinition } from '../gateway/gateway.ts'
import type { ServiceDefinition } from '../service/service.ts'

export type Definition = ServiceDefinition | GatewayDefinition

/** First Node that strips types without a flag. https://nodejs.org/api/typescript.html */
const STRIPS_TYPES_SINCE = [22, 18] as const

/** What Node says of a file with `import` or `export` in a package of `"type": "commonjs"`. */
const AS_COMMON_JS = /Cannot use import statement outside a module|Unexpected token 'export'/

let hooked = false

/**
 * The service or gateway that a file exports as its default.
 * @throws GomsError GOMS_SERVICE_FILE when it is missing, throws, or exports something else
 */
export async function loadServiceFile(file: string, cwd: string): Promise<Definition> {
  const path = isAbsolute(file) ? file : resolve(cwd, file)
  if (!existsSync(path) || !statSync(path).isFile()) {
    const isThere = existsSync(path)
    throw new GomsError('GOMS_SERVICE_FILE', `${file}: ${isThere ? 'this is no file' : 'there is no such file'}`, {
      detail: {
        found: `${isThere ? 'a directory' : 'nothing'} at ${relative(cwd, path) || path}`,
        expected: 'a .ts, .mts, .js or .mjs file whose default export is service(…) or gateway(…)',
        fix: 'check the path; it is taken from the current directory',
      },
    })
  }
  if (/\.[mc]?ts$/.test(path) && !stripsTypes()) await hookTypeScript()
  const loaded = await importFile(path, file)
  const definition = Reflect.get(loaded, 'default')
  if (isDefinition(definition)) return definition
  throw new GomsError('GOMS_SERVICE_FILE', `${file}: the default export is no service`, {
    detail: {
      found: definition === undefined ? 'no default export' : `a default export of type ${typeof definition}`,
      expected: 'export default service(…) or gateway(…)',
      fix: "write `export default service('name', { http: app })`",
    },
  })
}

async function importFile(path: string, shown: string): Promise<object> {
  try {
    return await import(pathToFileURL(path).href)
  } catch (thrown) {
    if (thrown instanceof GomsError) throw thrown
    const message = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown)
    throw new GomsError('GOMS_SERVICE_FILE', `${shown}: loading it failed`, {
      cause: thrown,
      detail: {
        found: message,
        expected: 'a file that loads without an error',
        fix: AS_COMMON_JS.test(message)
          ? 'add "type": "module" to package.json, or call the file .mjs or .mts'
          : `look at ${whereThrown(thrown, path) ?? shown}`,
      },
    })
  }
}

/** `services/user.ts:12:7` of the first line of the stack that is the user's own. */
function whereThrown(thrown: unknown, path: string): string | undefined {
  if (!(thrown instanceof Error) || !thrown.stack) return undefined
  const line = thrown.stack.split('\n').find((l) => l.includes(path)) ?? ''
  const position = /:(\d+):(\d+)\)?$/.exec(line)
  return position ? `${relative(process.cwd(), path)}:${position[1]}:${position[2]}` : undefined
}

function isDefinition(value: unknown): value is Definition {
  if (typeof value !== 'object' || value === null) return false
  const kind = Reflect.get(value, 'kind')
  return kind === 'service' || kind === 'gateway'
}

function stripsTypes(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const [wantMajor, wantMinor] = STRIPS_TYPES_SINCE
  // 23.0 to 23.5 still wanted a flag; their users get the transform as well.
  return major > 23 || (major === wantMajor && minor >= wantMinor) || (major === 23 && minor >= 6)
}

async function hookTypeScript(): Promise<void> {
  if (hooked) return
  hooked = true
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  register(`./typescript-hooks.${extension}`, import.meta.url)
  // The transform moves lines; stacks shall tell those of the file.
  process.setSourceMapsEnabled(true)
}
