/** The input of `goms call`: JSON, `name=value` pairs, or standard input. */
import { GomsError } from '../core/errors.ts'

/** Standard input is held in memory. */
const MAX_STDIN_BYTES = 16 * 1024 * 1024
const PAIR = /^([A-Za-z_$][\w$-]*)=(.*)$/s

/**
 * The input that the arguments behind the method give; undefined without any.
 * @throws GomsError GOMS_USAGE
 */
export async function inputOf(args: readonly string[], stdin: AsyncIterable<Buffer>): Promise<unknown> {
  const [first, ...rest] = args
  if (first === undefined) return undefined
  if (PAIR.test(first)) return fromPairs(args)
  if (rest.length > 0) throw mistake(`expected one JSON text or name=value pairs, got ${args.length} arguments`)
  if (first !== '-') return parse(first, 'the input')
  const text = await readAll(stdin, 'call')
  return text.trim() === '' ? undefined : parse(text, 'standard input')
}

function fromPairs(args: readonly string[]): unknown {
  const entries = new Map<string, unknown>()
  for (const arg of args) {
    const [, name, text] = PAIR.exec(arg) ?? []
    if (name === undefined || text === undefined) throw mistake(`expected name=value, got ${JSON.stringify(arg)}`)
    if (entries.has(name)) throw mistake(`"${name}" is given twice`)
    entries.set(name, jsonish(text))
  }
  return Object.fromEntries(entries)
}

/** `1`, `true`, `null`, `[…]`, `{…}` and `"…"` are what JSON says; everything else is a text as it stands. */
function jsonish(text: string): unknown {
  if (/^-?\d+$/.test(text) && !Number.isSafeInteger(Number(text))) return exact(text)
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** A whole number that a JavaScript number cannot hold: MessagePack carries 64 bits; what is longer is no number to count with. */
function exact(text: string): bigint | string {
  const value = BigInt(text)
  return value >= -(2n ** 63n) && value < 2n ** 64n ? value : text
}

function parse(text: string, where: string): unknown {
  try {
    return JSON.parse(text)
  } catch (thrown) {
    throw mistake(`${where} is no JSON: ${thrown instanceof Error ? thrown.message : String(thrown)}`)
  }
}

/** @throws GomsError GOMS_USAGE for more than 16 MiB */
export async function readAll(stdin: AsyncIterable<Buffer>, command: string): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of stdin) {
    bytes += chunk.length
    if (bytes > MAX_STDIN_BYTES) {
      throw new GomsError('GOMS_USAGE', `${command}: standard input is larger than ${MAX_STDIN_BYTES} bytes`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function mistake(message: string): GomsError {
  return new GomsError('GOMS_USAGE', `call: ${message}`, {
    detail: { fix: [`goms call user.exists '{"username":"bob"}'`, 'or goms call user.exists username=bob'] },
  })
}
