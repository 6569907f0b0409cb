// Decimals: an unscaled integer and a scale, and the two ways to write them.

/** `unscaled` / 10^`scale` with exactly `scale` digits behind the point and no exponent. */
export function printDecimal(unscaled: bigint, scale: number): string {
  if (scale <= 0) return unscaled === 0n ? '0' : `${unscaled}${'0'.repeat(-scale)}`
  const negative = unscaled < 0n
  const digits = (negative ? -unscaled : unscaled).toString().padStart(scale + 1, '0')
  return `${negative ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}

/** The unscaled integer of `text` at `scale`; undefined if it is no decimal number, or has digits that the scale cannot hold. */
export function parseDecimal(text: string, scale: number): bigint | undefined {
  const match = /^(-?)(\d{1,80})(?:\.(\d{1,80}))?$/.exec(text)
  if (match === null) return undefined
  const [, sign, whole = '', fraction = ''] = match
  const lost =
    scale >= 0 ? fraction.slice(scale) : (whole + fraction).slice(scale - fraction.length)
  if (/[1-9]/.test(lost)) return undefined
  const kept =
    scale >= 0 ? whole + fraction.slice(0, scale).padEnd(scale, '0') : whole.slice(0, scale) || '0'
  return BigInt(`${sign === '-' && BigInt(kept) !== 0n ? '-' : ''}${kept}`)
}

/** As Java's BigDecimal.toString has it, which is what Spark prints: with an exponent where the point lies far from the digits. */
export function printJavaDecimal(unscaled: bigint, scale: number): string {
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString()
  const exponent = digits.length - 1 - scale
  if (scale >= 0 && exponent >= -6) return printDecimal(unscaled, scale)
  const mantissa = digits.length > 1 ? `${digits[0]}.${digits.slice(1)}` : digits
  const power = exponent === 0 ? '' : `E${exponent > 0 ? '+' : ''}${exponent}`
  return `${unscaled < 0n ? '-' : ''}${mantissa}${power}`
}

/** A decimal's value in JavaScript, `text`, as Java prints it. Throws TypeError if it is none of this scale. */
export function javaDecimalOf(text: string, scale: number): string {
  const unscaled = parseDecimal(text, scale)
  if (unscaled === undefined)
    throw new TypeError(`Expected a decimal with at most ${scale} digits behind the point`)
  return printJavaDecimal(unscaled, scale)
}

/** Whether `unscaled` has at most `precision` digits. */
export function fitsPrecision(unscaled: bigint, precision: number): boolean {
  const bound = POWERS_OF_TEN[precision]
  return unscaled < bound && unscaled > -bound
}

/** Big-endian two's complement of the fewest bytes, as Java's BigInteger.toByteArray gives it. */
export function minimalBytes(value: bigint): Uint8Array {
  let size = 1
  while (BigInt.asIntN(8 * size, value) !== value) size++
  const bytes = new Uint8Array(size)
  for (let index = size - 1, rest = value; index >= 0; index--, rest >>= 8n)
    bytes[index] = Number(rest & 0xffn)
  return bytes
}

const POWERS_OF_TEN = Array.from({ length: 39 }, (_, power) => 10n ** BigInt(power))
