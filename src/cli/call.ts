/** `goms call <service>.<method> [input]`: calls a method as a service would, and prints what it answers. */
import type { Onlooker } from '../app/onlooker.ts'
import type { FlagValue } from '../config/flags.ts'
import { fromDocument } from '../contract/contract.ts'
import { EXIT, GomsError } from '../core/errors.ts'
import { type NodeInfo, toHostPort } from '../core/node.ts'
import type { CallOptions } from '../core/rpc-client.ts'
import { toJson } from '../gateway/method-body.ts'
import type { View } from '../registry/registry.ts'
import { parseArguments } from './args.ts'
import { inputOf } from './call-input.ts'
import { exitCodeOf, printError } from './error-output.ts'
import { notThere, withCluster } from './onlooker.ts'
import { FLAGS_OF } from './tool-flags.ts'
import { usageMistake } from './usage.ts'

const KEY_HELP =
  'the call key is callServiceKey of the configuration (-configs), GOMS_CALL_SERVICE_KEY, or the embedded registry’s'
/** Ids are random: that much of one is enough to mean it. */
const LEAST_ID_LENGTH = 4

export async function run(args: readonly string[]): Promise<number> {
  const { flags, positionals } = parseArguments(args, FLAGS_OF.call)
  const [target, ...given] = positionals
  if (target === undefined || !/^[^./].*[./].*[^./]$/.test(target)) {
    throw usageMistake('call', '<service>.<method>', target === undefined ? [] : [target])
  }
  const input = await inputOf(given, process.stdin)
  return withCluster(flags, async (onlooker) => {
    const { view } = onlooker.cluster.registry
    const { service, method } = targetOf(view, target)
    const options = optionsOf(flags, view, service)
    return call(onlooker, { service, method }, input, options, flags.json === true)
  })
}

async function call(
  { outbound }: Onlooker,
  { service, method }: { readonly service: string; readonly method: string },
  input: unknown,
  options: CallOptions,
  json: boolean,
): Promise<number> {
  try {
    const output = await outbound.callMethod({ service, method, options: undefined }, input, options, undefined)
    const text = toJson(output ?? null)
    process.stdout.write(`${json ? text : JSON.stringify(JSON.parse(text), null, 2)}\n`)
    return EXIT.OK
  } catch (thrown) {
    const error = GomsError.from(thrown)
    if (json) process.stderr.write(`${toJson(toRecord(error))}\n`)
    else {
      printError(error)
      if (error.code === 'PERMISSION_DENIED') process.stderr.write(`  = help: ${KEY_HELP}\n`)
      if (error.data !== undefined) process.stderr.write(`  = data: ${toJson(error.data)}\n`)
    }
    // That service and method are there was seen before: what is not found is the method's own matter.
    return error.code === 'NOT_FOUND' ? EXIT.FAILED : exitCodeOf(error)
  }
}

function toRecord({ code, message, status, data }: GomsError): object {
  return { code, message, status, ...(data !== undefined && { data }) }
}

/**
 * Names may have dots of their own: of the services that are there the longest that fits is meant. `user/exists` is
 * understood as well.
 * @throws GomsError NOT_FOUND, with the one that was probably meant
 */
export function targetOf(
  view: Pick<View, 'services' | 'nodes' | 'contract'>,
  target: string,
): { readonly service: string; readonly method: string } {
  const services = view.services().filter((name) => view.nodes(name).length > 0)
  const fitting = services.filter((name) => target.startsWith(`${name}.`) || target.startsWith(`${name}/`))
  const service = fitting.sort((a, b) => b.length - a.length)[0]
  if (service === undefined) {
    const at = Math.max(target.lastIndexOf('.'), target.lastIndexOf('/'))
    throw notThere('service', target.slice(0, at), services, 'services')
  }
  const method = target.slice(service.length + 1)
  const methods = methodsOf(view, service)
  // Nodes of Go tell nothing: what they have shows when they are asked.
  if (methods !== undefined && !methods.includes(method)) {
    throw notThere(`method of ${service} called`, method, methods, `methods of ${service}`)
  }
  return { service, method }
}

/** All methods of a service, or undefined where a node does not tell. */
function methodsOf(view: Pick<View, 'nodes' | 'contract'>, service: string): readonly string[] | undefined {
  const names = new Set<string>()
  for (const { contract } of view.nodes(service)) {
    const document = contract === undefined ? undefined : fromDocument(view.contract(contract))
    if (document === undefined) return undefined
    for (const name of Object.keys(document.rpc ?? {})) names.add(name)
  }
  return [...names].sort()
}

function optionsOf(flags: Readonly<Record<string, FlagValue>>, view: View, service: string): CallOptions {
  const { timeout, retries, node } = flags
  return {
    ...(typeof timeout === 'number' && { timeoutMs: timeout }),
    ...(typeof retries === 'number' && { retries }),
    ...(typeof node === 'string' && { node: nodeOf(view.nodes(service), node, service) }),
  }
}

/** @throws GomsError NOT_FOUND, GOMS_USAGE where several are meant */
export function nodeOf(nodes: readonly NodeInfo[], wanted: string, service: string): string {
  const meant = nodes.filter(
    ({ id, name, http, rpc }) =>
      [id, name, toHostPort(http), toHostPort(rpc)].includes(wanted) ||
      (wanted.length >= LEAST_ID_LENGTH && id.startsWith(wanted)),
  )
  const [first, second] = meant
  if (first === undefined) {
    const known = nodes.map(({ id, name, startedAtMs }) => (startedAtMs === undefined ? name : id.slice(0, 8)))
    throw notThere(`node of ${service} called`, wanted, known, `nodes of ${service}`)
  }
  if (second === undefined) return first.id
  throw new GomsError('GOMS_USAGE', `call: ${meant.length} nodes are meant by ${JSON.stringify(wanted)}`, {
    detail: { fix: `write more of it: ${meant.map(({ id }) => id).join(', ')}` },
  })
}
