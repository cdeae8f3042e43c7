/** goms: the public names. */

// what a service file is made of
export { type Contract, type ContractShape, contract } from './contract/contract.ts'
export { type Method, rpc } from './contract/method.ts'
export { type Event, event } from './contract/event.ts'
export type { EmitOptions } from './contract/event.ts'
export type { InputOf, OutputOf } from './contract/shape.ts'
export type { StandardSchema } from './contract/standard-schema.ts'
export type { ContextOf, Emit, EventContextOf, EventInfo, HandlerContext, HandlersOf } from './contract/handler.ts'
export {
  type ContractedService,
  type ContractServiceOptions,
  type InlineServiceOptions,
  type ListenerOptions,
  type ServiceDefinition,
  type ServiceOptions,
  service,
} from './service/service.ts'
export type { EventOptions } from './service/event-options.ts'
export { type GatewayDefinition, type GatewayDefinitionOptions, gateway } from './gateway/gateway.ts'
export type { AuthHook, AuthRequest, AuthTarget } from './gateway/auth.ts'

// what a service uses beside other services
export { type Component, type ComponentContext, type ComponentOptions, component } from './core/component.ts'

// web applications, where their shape does not tell
export type { WebApp } from './service/web-app.ts'
export { fromFetch } from './service/fetch-app.ts'
export { fromFastify, fromHandler, fromKoa, fromNest, fromServer } from './service/framework-app.ts'

// inside of a call, and calls to others
export type { CallContext, TraceContext } from './core/context.ts'
export { callContext, detached } from './service/context.ts'
export { client } from './mesh/client.ts'
export { type ClientOf, type ErrorOf, isErrorOf } from './contract/client.ts'
export type { CallOptions, LimiterOptions, MethodOptions } from './core/rpc-client.ts'
export { emitter } from './events/emit.ts'
export { type OnceOptions, once } from './events/once.ts'
export type { SeenStore } from './events/seen.ts'
export { type ActionRequest, fetchAction, settings } from './core/running.ts'
export type { Log, LogFields, Logger } from './core/log.ts'
export { log } from './app/user-log.ts'

// running
export { type Served, type ServeOptions, serve } from './app/serve.ts'
export type { BalanceOptions, Settings } from './core/options.ts'

// numbers of one's own on the page for Prometheus
export { type Metrics, metrics } from './telemetry/user-metrics.ts'
export type { CounterFamily, GaugeFamily, HistogramFamily } from './telemetry/metric-family.ts'

// for those who bring their own
export type { Balancer, Candidate, PickRequest } from './balance/balancer.ts'
export { createBalancer } from './balance/create.ts'
export type { Call, Outcome } from './core/call.ts'
export type { Middleware } from './mesh/middleware.ts'

// errors
export { GomsError } from './core/errors.ts'
