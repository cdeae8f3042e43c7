/** Fastify with @fastify/reply-from as its documents show it; bodies pass unread. */
import replyFrom from '@fastify/reply-from'
import fastify from 'fastify'

const PREFIX = '/api/bench'.length

export async function serve({ port, nodes }) {
  const app = fastify({ keepAliveTimeout: 600_000, requestTimeout: 0, bodyLimit: 2 ** 40 })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
  const base = `http://127.0.0.1:${nodes[0]}`
  await app.register(replyFrom, { base, undici: { connections: 128, pipelining: 1 } })
  app.all('/api/bench/*', (request, reply) => {
    reply.from(request.raw.url.slice(PREFIX))
  })
  await app.listen({ port, host: '127.0.0.1', backlog: 4096 })
}
