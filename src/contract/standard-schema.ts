/**
 * The interface that validation libraries share (zod, valibot, arktype …), copied as its authors ask for, so that no
 * package is needed. Source: https://standardschema.dev, `@standard-schema/spec` 1.1.
 */

/** A schema of any library. `Input` is what it takes, `Output` what it makes of it. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': StandardProps<Input, Output>
}

export interface StandardProps<Input = unknown, Output = Input> {
  readonly version: 1
  readonly vendor: string
  readonly validate: (
    value: unknown,
    options?: StandardOptions | undefined,
  ) => StandardResult<Output> | Promise<StandardResult<Output>>
  /** Types only; libraries need not set it. */
  readonly types?: StandardTypes<Input, Output> | undefined
}

export interface StandardOptions {
  readonly libraryOptions?: Record<string, unknown> | undefined
}

export interface StandardTypes<Input = unknown, Output = Input> {
  readonly input: Input
  readonly output: Output
}

export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] }

export interface StandardIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** What a schema takes. By indexed access: cheaper for the compiler than a conditional type. */
export type SchemaInput<S extends StandardSchema> = NonNullable<S['~standard']['types']>['input']

/** What a schema makes of it. */
export type SchemaOutput<S extends StandardSchema> = NonNullable<S['~standard']['types']>['output']

export function isSchema(value: unknown): value is StandardSchema {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  const props: unknown = Reflect.get(value, '~standard')
  return typeof props === 'object' && props !== null && typeof Reflect.get(props, 'validate') === 'function'
}
