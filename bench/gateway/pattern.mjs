/** Bytes that show where they stand: a lost, doubled or moved piece is seen. */

const PIECE = 65_536

/** The piece that begins at the n-th multiple of its size. */
function pieceOf(n) {
  const piece = Buffer.allocUnsafe(PIECE)
  for (let at = 0; at < PIECE; at += 4) piece.writeUInt32LE((n * PIECE + at) >>> 2, at)
  return piece
}

/** That many bytes, piece by piece. */
export function* pattern(bytes) {
  for (let at = 0; at < bytes; at += PIECE) yield pieceOf(at / PIECE).subarray(0, Math.min(PIECE, bytes - at))
}

/** Whether `chunk` is what the pattern has at `offset`. */
export function fits(chunk, offset) {
  for (let i = 0; i < chunk.length; i++) {
    const at = offset + i
    if (chunk[i] !== (((at >>> 2) >>> (8 * (at & 3))) & 0xff)) return false
  }
  return true
}
