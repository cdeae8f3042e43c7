/** goms: the public names. */

export { type Contract, type ContractShape, contract } from './contract/contract.ts'

// services
export type { CallContext, TraceContext } from './core/context.ts'
// errors
export { GomsError } from './core/errors.ts'
export { callContext, detached } from './service/context.ts'
export { fromFetch } from './service/fetch-app.ts'
export { fromFastify, fromHandler, fromKoa, fromNest, fromServer } from './service/framework-app.ts'
export { type ServiceDefinition, type ServiceOptions, service } from './service/service.ts'
export type { WebApp } from './service/web-app.ts'
