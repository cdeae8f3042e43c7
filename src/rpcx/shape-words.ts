/** Source text for constant bytes, four at a time: less work at run time, and far less for the compiler to look at. */

/** Parts of `bytes`: offset, width and the value as the little-endian access of a DataView has it. */
interface Word {
  readonly offset: number
  readonly bits: 32 | 16 | 8
  readonly value: number
}

/** The last one overlaps the one before where the bytes do not come out even: both say the same. */
function words(bytes: readonly number[]): Word[] {
  const all: Word[] = []
  const at = Buffer.from(bytes)
  const { length } = bytes
  if (length >= 4) {
    for (let offset = 0; offset + 4 <= length; offset += 4)
      all.push({ offset, bits: 32, value: at.readInt32LE(offset) })
    if (length % 4 !== 0) all.push({ offset: length - 4, bits: 32, value: at.readInt32LE(length - 4) })
    return all
  }
  if (length >= 2) all.push({ offset: 0, bits: 16, value: at.readInt16LE(0) })
  if (length % 2 === 1) all.push({ offset: length - 1, bits: 8, value: at.readInt8(length - 1) })
  return all
}

const place = (offset: number): string => (offset === 0 ? 'p' : `p + ${offset}`)
const littleEndian = (bits: number): string => (bits === 8 ? '' : ', true')

/** Statements that write `bytes` into the view `d` from `p` on, and move `p` behind them. */
export function storeWords(bytes: readonly number[]): string {
  const stores = words(bytes).map(
    ({ offset, bits, value }) => `d.setInt${bits}(${place(offset)}, ${value}${littleEndian(bits)});`,
  )
  return `${stores.join(' ')} p += ${bytes.length};`
}

/** An expression: whether something else than `bytes` stands in the view `d` from `p` on. They must be within it. */
export function differFromWords(bytes: readonly number[]): string {
  return words(bytes)
    .map(({ offset, bits, value }) => `d.getInt${bits}(${place(offset)}${littleEndian(bits)}) !== ${value}`)
    .join(' || ')
}
