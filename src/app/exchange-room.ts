/** The waiting room of a gateway: what `waiting-room.ts` is for services. */
import type { ExchangeEvents, ExchangeHandler, HttpExchange } from '../transport/http-exchange.ts'
import { MOST_WAITING } from './waiting-room.ts'

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
      if (behind !== undefined) behind(exchange)
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

function turnAway(exchange: HttpExchange): void {
  exchange.events = WAITING
  exchange.closeAfter()
  exchange.head(503, 'Service Unavailable', 'retry-after: 1\r\n', exchange.method === 'HEAD' ? 'none' : 0)
  exchange.end()
}
