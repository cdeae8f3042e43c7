/** The id of a request as a line of a head: the same for the node and for the answer, so it is made once. */
import type { TraceWords } from '../core/context.ts'
import { latin1 } from '../http/octets.ts'
import { isRequestId, REQUEST_ID } from '../http/request-id.ts'
import { writeDigits } from '../telemetry/trace-ids.ts'

const NAME = `${REQUEST_ID}: `
/** The digits are written over for every request. */
const LINE = Buffer.from(`${NAME}${'0'.repeat(32)}\r\n`)

/** Where a client sent none, and the trace begins here: the trace's id. */
export function newRequestIdLine({ trace0, trace1, trace2, trace3 }: TraceWords): string {
  const at = NAME.length
  writeDigits(LINE, at, trace0)
  writeDigits(LINE, at + 8, trace1)
  writeDigits(LINE, at + 16, trace2)
  writeDigits(LINE, at + 24, trace3)
  return latin1(LINE, 0, LINE.length)
}

/** What a client sent, if it is sane; else the trace's id. */
export function requestIdLine(sent: string | undefined, traceId: () => string): string {
  return `${NAME}${sent !== undefined && isRequestId(sent) ? sent : traceId()}\r\n`
}

export function idIn(line: string): string {
  return line.slice(NAME.length, -2)
}
