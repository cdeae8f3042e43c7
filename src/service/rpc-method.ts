/** One method at work: its input checked, its handler called, its output checked. Synchronous as long as all of them are. */
import type { HandlerContext } from '../contract/handler.ts'
import { describeIssues, toIssues } from '../contract/issues.ts'
import type { Method } from '../contract/method.ts'
import type { StandardProps, StandardResult } from '../contract/standard-schema.ts'
import { GomsError } from '../core/errors.ts'
import type { ServedObserver } from '../core/observe.ts'
import { traceBridge } from '../core/trace-bridge.ts'
import type { MethodCodecs } from '../rpcx/codec.ts'
import { type AmbientContext, callBridged, callHandler } from './context.ts'
import type { RpcMethodHandler } from './service.ts'
import { isThenable } from './thenable.ts'

export interface RpcMethod {
  /** `user.exists`, for messages. */
  readonly where: string
  readonly codecs: MethodCodecs | undefined
  /** Codes that the contract declares. */
  readonly errors: Method['errors']
  /** Who is told of its calls. */
  readonly observer: ServedObserver | undefined
  /** @throws GomsError INVALID_ARGUMENT, and whatever the handler throws; or a promise that rejects with it */
  run(input: unknown, context: HandlerContext, call: AmbientContext): unknown
}

export interface RpcMethodParts {
  readonly where: string
  readonly method: Method
  readonly handler: RpcMethodHandler
  readonly codecs: MethodCodecs | undefined
  readonly observer?: ServedObserver | undefined
  readonly checksOutput: boolean
  readonly ambient: boolean | undefined
}

export function createRpcMethod(parts: RpcMethodParts): RpcMethod {
  const { where, method, codecs, ambient } = parts
  const handler = parts.handler as (input: unknown, context: HandlerContext) => unknown
  // Once: with some libraries what stands under that name is made whenever it is asked for.
  const input = method.input?.['~standard']
  const output = parts.checksOutput ? method.output?.['~standard'] : undefined

  function invoke(value: unknown, context: HandlerContext, call: AmbientContext): unknown {
    const bridge = traceBridge()
    const answer =
      bridge === undefined
        ? callHandler(handler, value, context, call, ambient)
        : callBridged(bridge, handler, value, context, call, ambient)
    if (output === undefined) return answer
    return isThenable(answer) ? answer.then((settled) => checked(output, settled)) : checked(output, answer)
  }

  /** The answer itself, never what the schema makes of it: in production there is no schema. */
  function checked(schema: StandardProps, answer: unknown): unknown {
    const result = schema.validate(answer)
    if (isThenable(result)) return result.then((settled) => fitting(settled, answer))
    return fitting(result, answer)
  }

  function fitting(result: StandardResult<unknown>, answer: unknown): unknown {
    if (result.issues === undefined) return answer
    throw new Error(`the output does not fit the contract: ${describeIssues(toIssues('output', result.issues))}`)
  }

  function accepted(result: StandardResult<unknown>): unknown {
    if (result.issues === undefined) return result.value
    const issues = toIssues('input', result.issues)
    throw new GomsError('INVALID_ARGUMENT', `${where}: ${describeIssues(issues)}`, { data: issues })
  }

  return {
    where,
    codecs,
    errors: method.errors,
    observer: parts.observer,
    run(value, context, call) {
      if (input === undefined) return invoke(value, context, call)
      const result = input.validate(value)
      if (isThenable(result)) return result.then((settled) => invoke(accepted(settled), context, call))
      return invoke(accepted(result), context, call)
    },
  }
}
