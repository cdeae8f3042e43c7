/** What the order service offers, and what it tells everybody who wants to hear it. */
import { contract, event } from 'goms'

export const Order = contract('order', {
  http: { submit: 'POST /order/submit' },
  events: {
    /** An order was taken. */
    submitted: event<{ orderId: string; username: string }>(),
  },
})
