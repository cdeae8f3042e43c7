/** One RPC method of a contract: its types, its schemas, and how it may be called. */
import type { MethodOptions } from '../core/rpc-client.ts'
import type { SchemaInput, SchemaOutput, StandardSchema } from './standard-schema.ts'

/**
 * What `rpc()` returns. `Input` is what callers give, `Parsed` what the handler gets of it, `Output` what travels back,
 * `Errors` the data of the method's own errors by code.
 */
export interface Method<Input = unknown, Parsed = unknown, Output = unknown, Errors = unknown> extends MethodOptions {
  readonly kind: 'rpc'
  /** Checks every input at the service. */
  readonly input?: StandardSchema | undefined
  /** Checks every output at the service outside of production; never changes it. */
  readonly output?: StandardSchema | undefined
  readonly errors?: Readonly<Record<string, StandardSchema>> | undefined
  /** Types only; never there at run time. */
  readonly types?: MethodTypes<Input, Parsed, Output, Errors> | undefined
}

export interface MethodTypes<Input, Parsed, Output, Errors> {
  readonly input: Input
  readonly parsed: Parsed
  readonly output: Output
  readonly errors: Errors
}

/** The types of a method: `TypesOf<M>['input']`. */
export type TypesOf<M extends Method> = NonNullable<M['types']>

type ErrorSchemas = Readonly<Record<string, StandardSchema>>

/** Options of a method whose types are given as type arguments. */
export interface TypedMethodOptions extends MethodOptions {
  readonly input?: never
  readonly output?: never
  readonly errors?: never
}

/** Options of a method whose types come from schemas: zod, valibot, arktype, any Standard Schema. */
export interface SchemaMethodOptions<I extends StandardSchema, O extends StandardSchema, E extends ErrorSchemas>
  extends MethodOptions {
  /** Checks the input at the service. Left out: the method takes none, and nothing is checked. */
  readonly input?: I
  /** Checks the output outside of production. What the handler returned travels as it is: transforms do not apply. */
  readonly output?: O
  /** The method's own errors: code (capitals and `_`) and the schema of its `data`. Their status is 422 unless set. */
  readonly errors?: E
}

/**
 * Describes a method by its types alone: nothing is checked at run time. The cheapest form for the compiler.
 * @example rpc<{ username: string }, { exists: boolean }>({ timeoutMs: 2000, idempotent: true })
 */
export function rpc<Input, Output = void>(options?: TypedMethodOptions): Method<Input, Input, Output, unknown>
/**
 * Describes a method by schemas, which give its types and check its input at run time.
 * @example rpc({ input: z.object({ username: z.string() }), output: z.object({ exists: z.boolean() }) })
 */
export function rpc<
  I extends StandardSchema = StandardSchema<void, unknown>,
  O extends StandardSchema = StandardSchema<void>,
  E extends ErrorSchemas = Readonly<Record<never, never>>,
>(
  options: SchemaMethodOptions<I, O, E>,
): Method<SchemaInput<I>, SchemaOutput<I>, SchemaInput<O>, { readonly [Code in keyof E]: SchemaOutput<E[Code]> }>
export function rpc(options: object = {}): Method {
  return { ...options, kind: 'rpc' }
}
