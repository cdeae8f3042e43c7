/** @grpc/grpc-js with hand-made method definitions. Messages are JSON bytes: cheaper than protobuf.js, which favours grpc. */
import grpc from '@grpc/grpc-js'
import { METHODS, methodName } from './payloads.mjs'

const toBytes = (value) => Buffer.from(JSON.stringify(value))
const fromBytes = (bytes) => JSON.parse(bytes.toString())

const definition = {}
for (let i = 0; i < METHODS; i++) {
  const name = methodName(i)
  definition[name] = {
    path: `/bench.Bench/${name}`,
    requestStream: false,
    responseStream: false,
    requestSerialize: toBytes,
    requestDeserialize: fromBytes,
    responseSerialize: toBytes,
    responseDeserialize: fromBytes,
  }
}

export async function serve() {
  const server = new grpc.Server()
  const handlers = {}
  for (const name of Object.keys(definition)) handlers[name] = (call, callback) => callback(null, call.request)
  server.addService(definition, handlers)
  const port = await new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    )
  })
  return { port }
}

export async function open(port) {
  const Client = grpc.makeGenericClientConstructor(definition, 'bench.Bench')
  const client = new Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure())
  return Object.keys(definition).map(
    (name) => (input) =>
      new Promise((resolve, reject) =>
        client[name](input, (error, output) => (error ? reject(error) : resolve(output))),
      ),
  )
}
