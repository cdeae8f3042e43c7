/** The kinds of values in the files: each checks, says what it expected, and carries its description in two languages. */
import * as v from 'valibot'
import { parseRate } from '../resilience/rate.ts'
import { splitList } from './flags.ts'

/** What people read about a key: the reference pages, the JSON Schema and error messages are made of it. */
export interface FieldDoc {
  readonly en: string
  readonly zh: string
  /** As it is shown; the value itself lives in `core/options.ts` or `resolve.ts`. */
  readonly default?: string
  /** Other names of the same key, the originals' among them. */
  readonly aliases?: readonly string[]
  /** How to write it right, for the `help` line of a mistake. */
  readonly help?: string
}

/** What a schema says of itself, found again with {@link metaOf}. */
export interface FieldMeta extends FieldDoc {
  /** Goes into "expected `key` to be …". */
  readonly expected: string
  readonly choices?: readonly string[]
}

type Field<T> = v.OptionalSchema<v.GenericSchema<T>, undefined>

function described<T>(
  schema: v.GenericSchema<T>,
  doc: FieldDoc,
  expected: string,
  choices?: readonly string[],
): Field<T> {
  const goms: FieldMeta = choices === undefined ? { ...doc, expected } : { ...doc, expected, choices }
  return v.optional(v.pipe(schema, v.metadata({ description: doc.en, goms })))
}

/** What a field says of itself; undefined for a schema that is no field. */
export function metaOf(schema: v.GenericSchema): FieldMeta | undefined {
  const wrapped = (schema as { wrapped?: v.GenericSchema }).wrapped
  return wrapped === undefined ? (v.getMetadata(schema) as { goms?: FieldMeta }).goms : metaOf(wrapped)
}

export function text(doc: FieldDoc, maxLength = 1024): Field<string> {
  const expected = `a text of 1 to ${maxLength} characters`
  return described(
    v.pipe(v.string(expected), v.minLength(1, expected), v.maxLength(maxLength, expected)),
    doc,
    expected,
  )
}

export function pattern(doc: FieldDoc, regex: RegExp, expected: string): Field<string> {
  return described(v.pipe(v.string(expected), v.regex(regex, expected)), doc, expected)
}

export function toggle(doc: FieldDoc): Field<boolean> {
  const expected = 'true or false'
  return described(v.boolean(expected), doc, expected)
}

function whole(min: number, max: number, expected: string): v.GenericSchema<number> {
  return v.pipe(v.number(expected), v.integer(expected), v.minValue(min, expected), v.maxValue(max, expected))
}

export function integer(doc: FieldDoc, min: number, max: number): Field<number> {
  const expected = `an integer from ${min} to ${max}`
  return described(whole(min, max, expected), doc, expected)
}

/** A part of the whole: 0.01 is one in a hundred. */
export function share(doc: FieldDoc): Field<number> {
  const expected = 'a number from 0 to 1'
  return described(v.pipe(v.number(expected), v.minValue(0, expected), v.maxValue(1, expected)), doc, expected)
}

/** A duration in whole milliseconds. */
export function duration(doc: FieldDoc, minMs: number, maxMs: number): Field<number> {
  const expected = `milliseconds from ${minMs} to ${maxMs}`
  return described(whole(minMs, maxMs, expected), doc, expected)
}

export function port(doc: FieldDoc): Field<number> {
  const expected = 'a port from 0 to 65535'
  return described(whole(0, 65_535, expected), doc, expected)
}

/** A port, or `off`. */
export function portOrOff(doc: FieldDoc): Field<number | 'off'> {
  const expected = 'a port from 0 to 65535 or "off"'
  return described(v.union([whole(0, 65_535, expected), v.literal('off', expected)], expected), doc, expected, ['off'])
}

/** An integer, or `auto`. */
export function integerOrAuto(doc: FieldDoc, min: number, max: number): Field<number | 'auto'> {
  const expected = `an integer from ${min} to ${max} or "auto"`
  return described(v.union([whole(min, max, expected), v.literal('auto', expected)], expected), doc, expected, ['auto'])
}

export function choice<const T extends string>(doc: FieldDoc, values: readonly T[]): Field<T> {
  const expected = `one of ${values.join(', ')}`
  return described(v.picklist(values, expected) as v.GenericSchema<T>, doc, expected, values)
}

/** One text, or a list of them; `|` and `,` within one text separate too. @param choices what each of them must be */
export function list(
  doc: FieldDoc,
  expected = 'a text or a list of texts',
  choices?: readonly string[],
): Field<string | string[]> {
  const isChoice = (text: string): boolean => splitList(text).every((part) => choices?.includes(part) ?? true)
  const item = v.pipe(
    v.string(expected),
    v.minLength(1, expected),
    v.maxLength(1024, expected),
    v.check(isChoice, expected),
  )
  const both = v.union([item, v.pipe(v.array(item, expected), v.maxLength(64, expected))], expected)
  return described(both, doc, expected, choices)
}

/** `"5/100"`: at most 100 in any 5 seconds. */
export function rate(doc: FieldDoc): Field<string> {
  const expected = 'seconds/count such as 5/100'
  const help = '5/100 means 100 in any 5 seconds; seconds above 0, count from 1 to 1000000'
  return described(v.pipe(v.string(expected), v.check(isRate, expected)), { help, ...doc }, expected)
}

/** Whether `parseRate` takes it. */
export function isRate(text: string): boolean {
  try {
    parseRate(text)
    return true
  } catch {
    return false
  }
}

/** Waits in milliseconds between attempts, at most ten: `"100/200/200"`. */
export const WAITS: RegExp = /^\d{1,5}(\/\d{1,5}){0,9}$/

/** A block of keys. */
export function block<T>(schema: v.GenericSchema<T>, doc: FieldDoc, expected = 'a block of keys'): Field<T> {
  return described(schema, doc, expected)
}
