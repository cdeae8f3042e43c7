import { expect, it } from 'vitest'
import { toRabbitAddress } from './rabbitmq-address.ts'

it.each([
  ['host', { hostname: 'host', port: 5672, username: 'guest', password: 'guest', vhost: '/', tls: false }],
  ['host:5673', { port: 5673, shown: 'amqp://host:5673' }],
  [
    'amqp://me:p%40ss@host/my%2Fhost',
    { username: 'me', password: 'p@ss', vhost: 'my/host', shown: 'amqp://host:5672/my%2Fhost' },
  ],
  ['amqps://me:x@host', { port: 5671, tls: true }],
  ['amqp://[::1]:5672', { hostname: '::1', port: 5672, hosts: undefined }],
  ['amqp://me:x@a|b:5673', { hostname: 'a', hosts: ['a:5672', 'b:5673'], shown: 'amqp://a:5672|b:5673' }],
  ['amqp://me@host', { username: 'me', password: '' }],
])('reads %s', (address, expected) => {
  expect(toRabbitAddress(address)).toMatchObject(expected)
})

it.each([
  ['', 'nothing'],
  ['http://me:hunter2@host', '"http://host"'],
  ['amqp://', '"amqp://"'],
  ['a b', '"a b"'],
  ['host:0', '"host:0"'],
  ['[::1]|b', '"[::1]"'],
])('refuses %s, without its secrets', (address, found) => {
  expect(() => toRabbitAddress(address)).toThrow(`got \`${found}\``)
})
