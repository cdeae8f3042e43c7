/** Gzip of payloads. What comes out is bounded, whatever the bytes promise. */
import { gunzipSync, gzipSync } from 'node:zlib'
import { GomsError } from '../core/errors.ts'

/** rpcx compresses payloads longer than this only (protocol/message.go). */
export const GZIP_LEAST_BYTES = 1024

/** Level 1: between nodes of one network time is dearer than bytes. */
export function gzip(payload: Buffer): Buffer {
  return gzipSync(payload, { level: 1 })
}

/**
 * @param limitBytes what may come out at most
 * @throws GomsError RESOURCE_EXHAUSTED above it, INVALID_ARGUMENT for bytes that are no gzip
 */
export function gunzip(payload: Buffer, limitBytes: number): Buffer {
  try {
    return gunzipSync(payload, { maxOutputLength: limitBytes })
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new GomsError('RESOURCE_EXHAUSTED', `rpc: payload too long once inflated (limit ${limitBytes} bytes)`)
    }
    throw new GomsError('INVALID_ARGUMENT', 'rpc: damaged payload: no gzip', { cause: error })
  }
}
