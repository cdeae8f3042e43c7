/** The waiting room of a gateway: what `waiting-room.ts` is for services. */
import { probeOf } from '../service/probe.ts'
import type { ExchangeEvents, ExchangeHandler, HttpExchange } from '../transport/http-exchange.ts'
import { MOST_WAITING } from './waiting-room.ts'

const TEXT_FIELDS = 'content-type: text/plain; charset=utf-8\r\ncache-control: no-store\r\n'

export interface ExchangeRoom {
  readonly handle: ExchangeHandler
  /** Lets in all that wait, and whoever comes from now on. */
  open(handle: ExchangeHandler): void
}

export function createExchangeRoom(): ExchangeRoom {
  const waiting: HttpExchange[] = []
  let behind: ExchangeHandler | undefined
  return {
    handle(exchange) {
      if (behind !== undefined) {
        behind(exchange)
        return
      }
      const probe = probeOf(exchange.target)
      if (probe === 'live') tell(exchange, 200, 'OK', 'live')
      else if (probe === 'ready') tell(exchange, 503, 'Service Unavailable', 'starting')
      else if (waiting.length < MOST_WAITING) {
        exchange.events = WAITING
        waiting.push(exchange)
      } else turnAway(exchange)
    },
    open(handle) {
      behind = handle
      for (const exchange of waiting.splice(0)) if (!exchange.closed) handle(exchange)
    },
  }
}

/** Nothing comes before it is asked for; who goes away is found closed. */
const WAITING: ExchangeEvents = { data: () => false, bodyEnd() {}, drain() {}, closed() {} }

/** How the process is, as the gateway itself would say it. */
function tell(exchange: HttpExchange, status: number, reason: string, word: string): void {
  exchange.events = WAITING
  if (!exchange.bodyComplete || exchange.upgrade !== undefined) exchange.closeAfter()
  const body = Buffer.from(`${word}\n`)
  const bodiless = exchange.method === 'HEAD'
  const fields = `${TEXT_FIELDS}${bodiless ? `content-length: ${body.length}\r\n` : ''}`
  exchange.head(status, reason, fields, bodiless ? 'none' : body.length)
  if (!bodiless) exchange.write(body)
  exchange.end()
}

function turnAway(exchange: HttpExchange): void {
  exchange.events = WAITING
  exchange.closeAfter()
  exchange.head(503, 'Service Unavailable', 'retry-after: 1\r\n', exchange.method === 'HEAD' ? 'none' : 0)
  exchange.end()
}
