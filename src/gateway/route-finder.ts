/** Which route a path belongs to. Paths that were found are remembered, so that most requests cost one look. */
import { decodeSegment } from '../http/target.ts'
import type { Route } from './route.ts'
import type { RouteTable } from './routes.ts'

/** Paths that are remembered. Strangers choose theirs freely: only those with a route are kept, and all go when it is full. */
const REMEMBERED = 1024

export class RouteFinder {
  readonly #routes: RouteTable
  readonly #recent = new Map<string, Route>()
  #version = -1

  constructor(routes: RouteTable) {
    this.#routes = routes
  }

  /** The route of a path that was found since the table changed last: such a path is in its normal form. */
  recent(path: string): Route | undefined {
    if (this.#version !== this.#routes.version) this.#forget()
    return this.#recent.get(path)
  }

  /** `/api/<service>/<action>` and nothing else. @param path in its normal form */
  find(path: string): Route | undefined {
    const known = this.recent(path)
    if (known !== undefined) return known
    const route = match(path, this.#routes)
    if (route === undefined) return undefined
    if (this.#recent.size >= REMEMBERED) this.#recent.clear()
    this.#recent.set(path, route)
    return route
  }

  #forget(): void {
    this.#recent.clear()
    this.#version = this.#routes.version
  }
}

function match(path: string, routes: RouteTable): Route | undefined {
  if (!path.startsWith('/api/')) return undefined
  const slash = path.indexOf('/', 5)
  if (slash < 0 || path.indexOf('/', slash + 1) >= 0) return undefined
  const service = decodeSegment(path.slice(5, slash))
  const action = decodeSegment(path.slice(slash + 1))
  return service && action ? routes.find(service, action) : undefined
}
