/** Mail: thanks for orders. It hears of them by an event, and the order service does not know that there is somebody who does. */
import { once, service } from 'goms'
import { Order } from '../contracts/order.ts'

export default service('mail', {
  uses: { order: Order },
  on: {
    order: {
      async submitted({ orderId, username }, { log, event }) {
        // Events come at least once; nobody wants the same mail twice.
        await once(event, () => log.info(`mail to ${username}: thank you for your order ${orderId}`))
      },
    },
  },
})
