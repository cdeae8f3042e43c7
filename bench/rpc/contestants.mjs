/**
 * Those who are compared: each gives a server that echoes, under fifty method names, and a client for it. `call` resolves
 * with the echo. All of them run the same load in the same kind of process.
 */
export const CONTESTANTS = {
  goms: { title: 'goms', load: () => import('./goms.mjs'), ours: true },
  'goms-all': { title: 'goms, everything on', load: () => import('./goms-all.mjs'), ours: true },
  'goms-wire': { title: 'goms, connection only', load: () => import('./goms-wire.mjs'), ours: true },
  // What one thing adds to the connection: measured where it shows, with the small payload only.
  'goms-deadline': { title: 'with a deadline', load: () => import('./goms-deadline.mjs'), addsTo: 'goms-wire' },
  'goms-trace': { title: 'with a trace', load: () => import('./goms-trace.mjs'), addsTo: 'goms-wire' },
  raw: { title: 'raw codec echo', load: () => import('./raw.mjs'), ours: true },
  moleculer: { title: 'moleculer (TCP)', load: () => import('./moleculer.mjs'), packages: ['moleculer'] },
  nest: {
    title: 'Nest (TCP)',
    load: () => import('./nest.mjs'),
    packages: ['@nestjs/microservices', '@nestjs/core'],
  },
  grpc: { title: 'grpc-js', load: () => import('./grpc.mjs'), packages: ['@grpc/grpc-js'] },
}
