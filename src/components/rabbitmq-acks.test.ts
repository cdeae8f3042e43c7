import { expect, it } from 'vitest'
import { Acks } from './rabbitmq-acks.ts'

function rig() {
  const said: unknown[] = []
  const channel = {
    active: true,
    basicAck: ({ deliveryTag, multiple }: { deliveryTag: number; multiple?: boolean }) =>
      said.push(multiple === true ? `up to ${deliveryTag}` : deliveryTag),
    basicNack: ({ deliveryTag }: { deliveryTag: number }) => said.push(`back ${deliveryTag}`),
  }
  return { said, channel, acks: new Acks(channel as never) }
}

it('says as little as it can, once a turn', async () => {
  const { said, acks } = rig()
  for (const tag of [1, 2, 3]) acks.ack(tag)
  expect(said).toEqual([])
  await new Promise(setImmediate)
  expect(said).toEqual(['up to 3'])
})

it('does not wait with what stands behind a slow one, and never answers twice', async () => {
  const { said, acks } = rig()
  for (const tag of [1, 3, 5]) acks.ack(tag)
  acks.flush()
  expect(said).toEqual(['up to 1', 3, 5])
  acks.ack(2)
  acks.flush()
  expect(said.slice(3)).toEqual(['up to 2'])
  acks.ack(4)
  acks.flush()
  expect(said.slice(4)).toEqual(['up to 4'])
  acks.ack(6)
  acks.flush()
  expect(said.slice(5)).toEqual(['up to 6'])
})

it('gives back at once, and does not count that as handled', () => {
  const { said, acks } = rig()
  acks.ack(1)
  acks.requeue(2)
  acks.flush()
  expect(said).toEqual(['back 2', 'up to 1'])
})

it('says nothing on a channel that is gone', () => {
  const { said, channel, acks } = rig()
  acks.ack(1)
  channel.active = false
  acks.requeue(2)
  acks.flush()
  expect(said).toEqual([])
})
