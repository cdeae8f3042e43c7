/** HAProxy with one thread; connections to the nodes are kept and shared. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

export function command({ port, nodes, dir }) {
  const file = join(dir, 'haproxy.cfg')
  writeFileSync(file, configOf(port, nodes))
  return ['haproxy', '-db', '-q', '-f', file]
}

const configOf = (port, nodes) => `
global
  nbthread 1
  maxconn 9800
defaults
  mode http
  timeout connect 1s
  timeout client 600s
  timeout server 600s
  timeout http-request 60s
  option http-keep-alive
  option forwardfor
  http-reuse always
frontend door
  bind 127.0.0.1:${port} backlog 4096
  http-request set-header x-forwarded-proto http
  default_backend nodes
backend nodes
  balance roundrobin
  http-request set-path %[path,bytes(10)]
${nodes.map((node, i) => `  server n${i} 127.0.0.1:${node}`).join('\n')}
`
