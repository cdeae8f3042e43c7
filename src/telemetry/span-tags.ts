/** What is told of an attempt in the tags of its span, and what counts as a failure. */
import type { Attempt, Outcome } from '../core/call.ts'
import type { GomsError } from '../core/errors.ts'
import type { NodeInfo, Transport } from '../core/node.ts'
import type { Failing } from '../core/observe.ts'

/** Answers of the application that say no are answers. Limits are told: whoever is refused wants to know why. */
export function isFailure(status: number): boolean {
  return status >= 500 || status === 429
}

/** A failure that has a status and no code. */
export function statusError(status: number): Failing {
  return { code: String(status), message: `answered ${status}` }
}

/** @param number from 1; 0: past the mesh, in this process */
export function attemptTags(
  transport: Transport,
  outcome: Outcome,
  number: number,
  node: NodeInfo | undefined,
  passedOver: Attempt['passedOver'],
): Record<string, string> {
  const tags: Record<string, string> = startOf(transport, outcome, number)
  if (number > 1) tags['goms.retry'] = 'true'
  if (number === 0) tags['goms.local'] = 'true'
  if (node !== undefined) tags['goms.target'] = node.name
  if (outcome.stage !== 'answered') tags['goms.outcome'] = outcome.stage
  if (outcome.refusal !== undefined) tags['goms.refusal'] = outcome.refusal
  if (outcome.session === true) tags['goms.session'] = 'true'
  if (passedOver !== undefined) {
    if (passedOver.breaker > 0) tags['goms.breaker'] = `open at ${nodes(passedOver.breaker)}`
    if (passedOver.limiter > 0) tags['goms.limiter'] = `full at ${nodes(passedOver.limiter)}`
  }
  return tags
}

/** What nearly all have, made in one piece. */
function startOf(transport: Transport, { status, code }: Outcome, number: number): Record<string, string> {
  const attempt = number <= 1 ? '1' : String(number)
  if (status === 0) return { 'goms.attempt': attempt }
  if (transport === 'http') return { 'goms.attempt': attempt, 'http.status_code': statusText(status) }
  return { 'goms.attempt': attempt, 'rpc.code': code ?? 'OK' }
}

/** Without making a text of the usual one. */
export function statusText(status: number): string {
  return status === 200 ? '200' : String(status)
}

/** Undefined for what is no failure. */
export function attemptError(outcome: Outcome): Failing | undefined {
  const { stage, status, code, refusal, cause } = outcome
  const message = cause instanceof Error ? cause.message : undefined
  switch (stage) {
    case 'unsent':
      return { code: 'UNAVAILABLE', message: message ?? 'the node cannot be reached' }
    case 'refused':
      return { code: code ?? 'UNAVAILABLE', message: `the node refused the call as ${refusal}` }
    case 'unanswered':
      return { code: 'BAD_GATEWAY', message: message ?? 'the node broke off before its answer' }
    case 'timeout':
      return { code: 'DEADLINE_EXCEEDED', message: 'the node did not answer in time' }
    case 'cancelled':
      return undefined
    default:
      if (!isFailure(status)) return undefined
      return code === undefined ? statusError(status) : { code, message: `answered ${code} (${status})` }
  }
}

/** Of a call that no node was asked for. @param shared the limiter of its route is the project's */
export function refusedTags(error: GomsError, shared: boolean): Record<string, string> {
  const tags: Record<string, string> = { 'goms.attempt': '0', 'error.code': error.code }
  const reason = (error.data as { readonly reason?: unknown } | undefined)?.reason
  if (reason === 'callLimit') tags['goms.callLimit'] = 'used up'
  if (reason === 'limiter') tags['goms.limiter'] = shared ? sharedLimiter(error) : 'full at all nodes'
  if (reason === 'breaker') tags['goms.breaker'] = 'open'
  return tags
}

function sharedLimiter({ code }: GomsError): string {
  return code === 'RESOURCE_EXHAUSTED' ? 'used up in the project' : 'cannot be asked'
}

function nodes(count: number): string {
  return count === 1 ? '1 node' : `${count} nodes`
}
