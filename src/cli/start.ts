/** `goms start <service file>`: one node in this process, until a signal or the supervisor ends it. */

import { type Served, serve } from '../app/serve.ts'
import { loadServiceFile } from '../app/service-file.ts'
import { EXIT_CODES, restartOnHangup, stopOnSignals } from '../app/signals.ts'
import type { ReadyMessage, StopMessage } from '../app/supervisor.ts'
import { log } from '../app/user-log.ts'
import { CONFIG_FLAGS } from '../config/flags.ts'
import { systemClock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import { toHostPort } from '../core/node.ts'
import type { Settings } from '../core/options.ts'
import { settings } from '../core/running.ts'
import { parseArguments } from './args.ts'
import { exitCodeOf, printError } from './error-output.ts'

/** For the last word to the registry after a crash. */
const CRASH_LEAVE_MS = 500

export async function run(args: readonly string[]): Promise<undefined> {
  const { flags, positionals } = parseArguments(args, CONFIG_FLAGS)
  const [file, ...superfluous] = positionals
  if (file === undefined || superfluous.length > 0) {
    throw new GomsError('GOMS_USAGE', `start: expected one service file, got ${positionals.length}`, {
      detail: {
        found: positionals.join(' ') || 'none',
        expected: 'goms start <service file> [flags]',
        fix: 'several services in one terminal: goms dev <file> <file> …',
      },
    })
  }
  let served: Served | undefined
  // A signal during the start ends it at once: nobody is served yet, and nothing is to be taken leave of.
  stopOnSignals(systemClock, (signal) => served?.close() ?? process.exit(EXIT_CODES[signal]))
  let format: Settings['log'] | undefined
  const crash = (error: unknown): void => crashed(error, served, format)
  process.on('unhandledRejection', crash)
  process.on('uncaughtException', crash)
  // Other parents (pm2, a test) have a channel too; theirs is none of ours.
  const supervised = process.env.GOMS_SUPERVISED === '1'
  if (supervised) obeySupervisor(() => served)
  served = await serve(await loadServiceFile(file, process.cwd()), { flags, gatewayFile: file })
  format = settings().log
  if (served.restartWorkers) restartOnHangup(served.restartWorkers)
  if (supervised) tellReady(served)
}

/** Stops when the supervisor says so or is gone; at once while the node is starting. */
function obeySupervisor(served: () => Served | undefined): void {
  const stop = (): void => {
    Promise.resolve(served()?.close('now')).finally(() => process.exit(0))
  }
  process.on('message', (message: StopMessage) => {
    if (message.type === 'goms-stop-all') stop()
  })
  // A supervisor that is gone without a word cannot stop this node any more.
  process.on('disconnect', stop)
}

function tellReady(served: Served): void {
  const [node] = served.nodes
  if (node === undefined) return
  const ready: ReadyMessage = {
    type: 'goms-ready',
    service: node.service,
    name: node.name,
    http: toHostPort(node.http),
    admin: node.admin && toHostPort(node.admin),
  }
  process.send?.(ready)
}

/**
 * A bug in the service's own code: said with its stack, and the node ends rather than go on in an unknown state. It
 * deregisters first, where that is quick, so that callers need not find out by themselves.
 */
function crashed(error: unknown, served: Served | undefined, format: Settings['log'] | undefined): void {
  if (format !== undefined) logCrash(error)
  const code = format === 'json' ? exitCodeOf(error) : printError(error)
  systemClock.after(CRASH_LEAVE_MS, () => process.exit(code))
  Promise.resolve(served?.close('now')).finally(() => process.exit(code))
}

/** Where all lines of a running node go; people are shown its stack besides. */
function logCrash(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error)
  log.error(`the process ends, for an error that nobody caught: ${message}`, { err: error })
}
