/** How much of an answer's body is still to come, by one rule for all engines: none writes more or less than it announced. */
import type { AnswerFraming } from './http-exchange.ts'

/** What a body may still have where it is no number of bytes. */
export const LEFT: {
  /** It runs until its connection ends. */
  readonly untilClose: -1
  /** It ends itself: in chunks, or with its stream. */
  readonly open: -2
  /** Nothing is written whatever comes. */
  readonly nothing: -3
} = { untilClose: -1, open: -2, nothing: -3 }

/** RFC 9112 §6.3: answers that have no body whatever their fields say. */
export function isBodiless(method: string, status: number): boolean {
  return method === 'HEAD' || status === 204 || status === 304
}

/** @param endsItself a body without a length can tell its end: in HTTP/1.0 only the connection can */
export function leftOf(framing: AnswerFraming, bodiless: boolean, endsItself: boolean): number {
  if (bodiless || framing === 'none') return LEFT.nothing
  if (typeof framing === 'number') return framing
  return endsItself ? LEFT.open : LEFT.untilClose
}
