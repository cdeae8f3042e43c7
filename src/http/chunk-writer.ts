/** What stands around the data of a body in chunks, as text. Source: RFC 9112 §7.1. */

/** Before the data of a chunk. @param length at least 1: a chunk of 0 bytes would end the body */
export function chunkHead(length: number): string {
  return `${length.toString(16)}\r\n`
}

/** Behind the data of a chunk. */
export const CHUNK_END = '\r\n'

/** Ends a body. @param trailers lines as of `Fields.text` */
export function lastChunk(trailers = ''): string {
  return trailers === '' ? '0\r\n\r\n' : `0\r\n${trailers}\r\n`
}
