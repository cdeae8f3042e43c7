/** Which trace a person means: an id, a header that carries one, or the answer of an error that tells its `traceId`. */
import { GomsError } from '../core/errors.ts'
import { readTraceContext } from '../telemetry/trace-headers.ts'
import { printable } from './terminal-text.ts'

const HEADER = /^[\w-]+:\s+/
const HEX = /^[0-9a-f]+$/

/**
 * The id in lower case, 16 or 32 digits. Understood are both lengths, `traceparent`, `b3` and `uber-trace-id` with or
 * without the header's name, and JSON with a member `traceId`.
 * @throws GomsError GOMS_USAGE for everything else
 */
export function traceIdOf(given: string): string {
  const text = given.trim()
  const json = fromJson(text)
  if (json === null) throw mistake('JSON with a member "traceId"', text, 'an answer of a service itself may have none')
  const value = (json ?? text).replace(HEADER, '').toLowerCase()
  const sent = readTraceContext((name) => (name.startsWith('x-') || name === 'tracestate' ? undefined : value))
  if (sent !== undefined) return sent.traceId
  if (HEX.test(value) && (value.length === 16 || value.length === 32) && /[1-9a-f]/.test(value)) {
    // As Zipkin keeps it: an upper half of zeros is none.
    return value.length === 32 && value.startsWith('0'.repeat(16)) ? value.slice(16) : value
  }
  throw mistake('a trace id of 16 or 32 hex digits', json ?? text, whatIsWrong(value))
}

/** The `traceId` of an object; null: an object without one; undefined: no object. */
function fromJson(text: string): string | null | undefined {
  if (!text.startsWith('{')) return undefined
  try {
    const { traceId } = JSON.parse(text) as { traceId?: unknown }
    return typeof traceId === 'string' ? traceId : null
  } catch {
    return undefined
  }
}

function whatIsWrong(value: string): string | undefined {
  if (/^0+$/.test(value)) return 'an id of zeros means that there is none'
  if (HEX.test(value)) return `it has ${value.length} digits: part of it is missing, or it is the id of something else`
  return undefined
}

function mistake(expected: string, found: string, hint: string | undefined): GomsError {
  const shown = found === '' ? 'nothing' : `"${printable(found.slice(0, 80))}"`
  return new GomsError('GOMS_USAGE', `trace: expected ${expected}, got ${shown}`, {
    detail: {
      fix: [
        ...(hint === undefined ? [] : [hint]),
        'goms trace 4bf92f3577b34da6a3ce929d0e0e4736, or a whole traceparent',
        'the id stands as traceId in the log and in error answers: curl … | goms trace -',
      ],
    },
  })
}
