/** The client alone: a channel with confirms, a quorum queue, as many messages here as goms has, each acknowledged. */
import { Connection } from 'rabbitmq-client'

const PREFETCH = 256
const exchange = 'bare'

export async function open(address, role) {
  const connection = new Connection(address)
  connection.on('error', (error) => {
    throw error
  })
  const channel = await connection.acquire()
  await channel.exchangeDeclare({ exchange, type: 'topic', durable: true })
  if (role === 'publish') {
    await channel.confirmSelect()
    const envelope = { exchange, routingKey: 'order.submitted', durable: true }
    return { publish: (payload) => channel.basicPublish(envelope, payload) }
  }
  await channel.queueDeclare({ queue: exchange, durable: true, arguments: { 'x-queue-type': 'quorum' } })
  await channel.queueBind({ exchange, queue: exchange, routingKey: 'order.submitted' })
  return {
    /** From the first delivery to the last. */
    async consume(count, seen) {
      const own = await connection.acquire()
      await own.basicQos({ prefetchCount: PREFETCH })
      let firstMs = 0
      let got = 0
      await new Promise((resolve) => {
        own.basicConsume({ queue: exchange }, (message) => {
          // Given back by the channel before, whose last acknowledgement came late.
          if (got >= count) return
          if (got === 0) firstMs = performance.now()
          seen?.(message.body)
          own.basicAck({ deliveryTag: message.deliveryTag })
          if (++got === count) resolve()
        })
      })
      const tookMs = performance.now() - firstMs
      await own.close()
      return tookMs
    },
  }
}
