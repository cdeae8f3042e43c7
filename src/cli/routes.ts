/** `goms routes [push | history | rollback | withdraw]`: the routes that all processes of a project share. */
import type { SharedRoutes } from '../registry/registry.ts'
import { type Arguments, parseArguments } from './args.ts'
import { withCluster } from './onlooker.ts'
import { FLAGS_OF } from './tool-flags.ts'
import { usageMistake } from './usage.ts'

/** What can be asked for, with the flags that only some of it takes. */
const TAKES = {
  show: [],
  history: [],
  push: ['message', 'dry-run', 'strict'],
  rollback: ['message', 'dry-run'],
  withdraw: ['message', 'dry-run'],
} as const satisfies Readonly<Record<string, readonly string[]>>

type Verb = keyof typeof TAKES

export async function run(args: readonly string[]): Promise<number> {
  const { flags, positionals } = parseArguments(args, FLAGS_OF.routes)
  const [verb = 'show', ...rest] = positionals
  if (!isVerb(verb)) throw usageMistake('routes', Object.keys(TAKES).join(', '), positionals)
  checkFlags(verb, flags)
  if (verb === 'push') return (await import('./routes-push.ts')).push(flags, rest)
  if (verb === 'rollback') return (await import('./routes-push.ts')).rollback(flags, rest)
  if (rest.length > 0) throw usageMistake('routes', `nothing behind \`${verb}\``, positionals)
  if (verb === 'withdraw') return (await import('./routes-push.ts')).withdraw(flags)
  const { history, show } = await import('./routes-look.ts')
  return withCluster(flags, ({ cluster, settings }) => {
    const routes: SharedRoutes = cluster.registry.routes
    return verb === 'history' ? history(routes, settings.project, flags) : show(routes, settings.project, flags)
  })
}

function isVerb(text: string): text is Verb {
  return Object.hasOwn(TAKES, text)
}

/** One that has no effect is a misunderstanding: `goms routes --dry-run` shows nothing of a push. */
function checkFlags(verb: Verb, flags: Arguments['flags']): void {
  const takes: readonly string[] = TAKES[verb]
  for (const name of TAKES.push) {
    if (flags[name] !== undefined && !takes.includes(name)) {
      throw usageMistake('routes', `no --${name} with \`${verb}\``, [`--${name}`])
    }
  }
}
