/** `goms start <service file>`: one node in this process, until a signal or the supervisor ends it. */

import { serve } from '../app/serve.ts'
import { loadServiceFile } from '../app/service-file.ts'
import { stopOnSignals } from '../app/signals.ts'
import type { ReadyMessage, StopMessage } from '../app/supervisor.ts'
import { CONFIG_FLAGS } from '../config/flags.ts'
import { systemClock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import { toHostPort } from '../core/node.ts'
import { parseArguments } from './args.ts'
import { printError } from './error-output.ts'

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
  // From the first moment: a signal during the start ends it too.
  const starting = loadServiceFile(file, process.cwd()).then((definition) => serve(definition, { flags }))
  stopOnSignals(systemClock, async () => (await starting).close())
  process.on('unhandledRejection', crash)
  process.on('uncaughtException', crash)
  const served = await starting
  if (process.send === undefined) return

  const [node] = served.nodes
  process.on('message', (message: StopMessage) => {
    if (message.type === 'goms-stop-all') served.close('now').finally(() => process.exit(0))
  })
  // A supervisor that is gone without a word cannot stop this node any more.
  process.on('disconnect', () => served.close('now').finally(() => process.exit(0)))
  if (node) {
    const ready: ReadyMessage = {
      type: 'goms-ready',
      service: node.service,
      name: node.name,
      http: toHostPort(node.http),
      admin: node.admin && toHostPort(node.admin),
    }
    process.send(ready)
  }
}

/** A bug in the service's own code: said with its stack, and the node ends rather than go on in an unknown state. */
function crash(error: unknown): void {
  process.exit(printError(error))
}
