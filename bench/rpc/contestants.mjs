/**
 * Those who are compared: each gives a server that echoes, under fifty method names, and a client for it. `call` resolves
 * with the echo. All of them run the same load in the same kind of process.
 */
export const CONTESTANTS = {
  goms: { title: 'goms', load: () => import('./goms.mjs'), ours: true },
  'goms-all': { title: 'goms, everything on', load: () => import('./goms-all.mjs'), ours: true },
  'goms-wire': { title: 'goms, connection only', load: () => import('./goms-wire.mjs'), ours: true },
  raw: { title: 'raw codec echo', load: () => import('./raw.mjs'), ours: true },
  moleculer: { title: 'moleculer (TCP)', load: () => import('./moleculer.mjs'), packages: ['moleculer'] },
  nest: {
    title: 'Nest (TCP)',
    load: () => import('./nest.mjs'),
    packages: ['@nestjs/microservices', '@nestjs/core'],
  },
  grpc: { title: 'grpc-js', load: () => import('./grpc.mjs'), packages: ['@grpc/grpc-js'] },
}
