/** `goms trace <id>`: what Zipkin knows of one request, as a waterfall in the terminal. */
import { setTimeout as wait } from 'node:timers/promises'
import type { FlagValue } from '../config/flags.ts'
import { loadSettings } from '../config/load.ts'
import { EXIT, GomsError } from '../core/errors.ts'
import { parseArguments } from './args.ts'
import { readAll } from './call-input.ts'
import { hasColours } from './error-output.ts'
import { FLAGS_OF } from './tool-flags.ts'
import { traceIdOf } from './trace-id.ts'
import { toTraceTree } from './trace-tree.ts'
import { usageMistake } from './usage.ts'
import { toWaterfall } from './waterfall.ts'
import { queryTrace, traceUrl } from './zipkin-query.ts'

/** Of what is no terminal. */
const WIDTH = 80
/** With `--wait`: how often Zipkin is asked, and how long a trace must not have grown. Processes send once a second. */
const ASK_MS = 250
const SETTLED_MS = 1250
/** JSON as such has no controls below U+0020; a terminal obeys some of the others too. */
const OBEYED = /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g

export async function run(args: readonly string[]): Promise<number> {
  const { flags, positionals } = parseArguments(args, FLAGS_OF.trace)
  const [given] = positionals
  if (given === undefined || positionals.length > 1) throw usageMistake('trace', 'one trace id', positionals)
  const traceId = traceIdOf(given === '-' ? await readAll(process.stdin, 'trace') : given)
  const url = traceUrl(await addressOf(flags), traceId)
  const waitMs = typeof flags.wait === 'number' ? flags.wait : 0
  const spans = await spansOf(url, waitMs)
  if (spans === undefined) throw notFound(traceId, url, waitMs)
  if (flags.json === true) {
    process.stdout.write(`${JSON.stringify(spans, null, 2).replace(OBEYED, escapeOf)}\n`)
    return EXIT.OK
  }
  const { columns = WIDTH } = process.stdout
  const options = { width: columns, colour: hasColours(process.stdout), tags: flags.tags === true }
  process.stdout.write(toWaterfall(toTraceTree(spans), traceId, options))
  return EXIT.OK
}

/** @throws GomsError GOMS_USAGE where there is none, naming all that was tried */
async function addressOf(flags: Readonly<Record<string, FlagValue>>): Promise<string> {
  const given = Object.fromEntries(
    ['configs', 'zipkin-addr'].flatMap((name) => (name in flags ? [[name, flags[name] as FlagValue]] : [])),
  )
  const { settings, files, directory } = await loadSettings({ flags: given, role: 'tool' })
  if (settings.zipkinAddr !== undefined) return settings.zipkinAddr
  const read = files.length === 0 ? `no files in ${directory}` : `not in ${files.join(', ')}`
  throw new GomsError('GOMS_USAGE', 'trace: no address of Zipkin is known', {
    detail: {
      found: `no -zipkin_addr, no GOMS_ZIPKIN_ADDR, and of zipkinAddr in the configuration: ${read}`,
      fix: [
        'goms trace <id> --zipkin-addr 127.0.0.1:9411',
        'or name the directory with zipkinAddr: -configs <directory>',
      ],
    },
  })
}

/** What Zipkin has; with a wait until it has it and it grows no more. */
async function spansOf(url: URL, waitMs: number): Promise<readonly unknown[] | undefined> {
  const endMs = performance.now() + waitMs
  let spans = await queryTrace(url)
  let grownMs = performance.now()
  for (;;) {
    const nowMs = performance.now()
    if (nowMs >= endMs || (spans !== undefined && nowMs - grownMs >= SETTLED_MS)) return spans
    await wait(Math.min(ASK_MS, endMs - nowMs))
    const next = await queryTrace(url)
    if (next?.length !== spans?.length) grownMs = performance.now()
    spans = next
  }
}

function notFound(traceId: string, url: URL, waitMs: number): GomsError {
  const waited = waitMs > 0 ? `, after ${waitMs} ms` : ''
  return new GomsError('NOT_FOUND', `Zipkin at ${url.host} has no trace ${traceId}${waited}`, {
    detail: {
      fix: [
        'spans take a second or two to be there: --wait 5000',
        'it may not have been recorded: see trace.sample, trace.errors and trace.slow of the configuration',
      ],
    },
  })
}

function escapeOf(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
