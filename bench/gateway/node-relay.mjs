/**
 * The floor: what two reads and two writes cost in Node on sockets as goms has them, where nothing is read of what passes.
 * Each connection of a client has one of its own to a node; bytes go through as they come, back-pressure both ways.
 */
import { connect, createServer } from 'node:net'
import { canReadInto, readInto } from '../../dist/transport/accepted-socket.js'

const READ_BYTES = 65_536
/** Up to here as a string, which the runtime copies and writes without allocating. */
const STRING_BYTES = 16_384

export async function serve({ port, nodes }) {
  if (!(await canReadInto())) throw new Error('this Node cannot read accepted sockets into a buffer of ours')
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES)
  let turn = 0
  const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (accepted) => {
    const client = readInto(accepted, (bytes, length) => relay(client, node, bytes, length))
    turn = turn + 1 === nodes.length ? 0 : turn + 1
    const node = connect({
      port: nodes[turn],
      host: '127.0.0.1',
      noDelay: true,
      allowHalfOpen: true,
      onread: { buffer, callback: (length) => relay(node, client, buffer, length) },
    })
    join(client, node)
    join(node, client)
    client.resume()
  })
  server.listen({ port, host: '127.0.0.1', backlog: 4096 })
}

/** False holds the one that was read from. */
function relay(from, to, bytes, length) {
  const more =
    length > STRING_BYTES
      ? to.write(Buffer.from(bytes.subarray(0, length)))
      : to.write(bytes.latin1Slice(0, length), 'latin1')
  if (!more) to.once('drain', () => from.resume())
  return more
}

function join(one, other) {
  one.on('end', () => other.end())
  one.on('error', () => {})
  one.on('close', () => other.destroy())
}
