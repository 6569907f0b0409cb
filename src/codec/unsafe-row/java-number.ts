// Floating-point numbers as Java has them: their bits, and how Double.toString and Float.toString of Java 17 and older print them, which is what
// Spark runs on.
//
// Bits: JavaScript lets a NaN keep its sign and payload, as far as the engine likes; Java writes one NaN for all.
//
// Text: not the shortest one that reads back as the same number (JavaScript's, and Java's own since 19): 2e23 is "1.9999999999999998E23".
// The digits come from the algorithm Java used until then: generate them one by one from the exact value until the rest is smaller than half
// the distance to the neighbours, then round the last one. Its oddities are part of what is printed, so they are kept:
//   - where an exponent will be printed, two digits at least are generated;
//   - the lower neighbour of a power of two is nearer, and for that its distance is halved below, but for the numbers above as well;
//   - where the numbers are thought to fit in 32 or 64 bits they are kept in that many, and sums overflow; where not, a tie counts as near;
//   - whole numbers beyond the significant bits are cut to those digits that matter, rounding half up.

/** What differs between the two formats; `significandBits` counts the hidden one. */
interface Format {
  readonly exponentBias: number
  readonly significandBits: number
}

const DOUBLE: Format = { exponentBias: 1023, significandBits: 53 }
const FLOAT: Format = { exponentBias: 127, significandBits: 24 }

/** Powers of five up to this one are counted in exact bits by Java, larger ones are guessed at three bits each. */
const FIVE_POWERS_EXACT_MAX = 26
/** Numbers of these binary exponents may take Java's way for whole numbers. */
const WHOLE_EXPONENT_MAX = 62

/** 5^0 to 5^324, which the smallest double needs; the largest exponent asks for less. */
const FIVE_POWERS = Array.from({ length: 326 }, (_, power) => 5n ** BigInt(power))
const FIVE_POWER_BITS = FIVE_POWERS.slice(0, FIVE_POWERS_EXACT_MAX + 1).map((five, power) =>
  power === 0 ? 0 : bitLength(five),
)

const DOUBLE_NAN_BITS = 0x7ff8_0000_0000_0000n
const FLOAT_NAN_BITS = 0x7fc0_0000

const scratch = new DataView(new ArrayBuffer(8))

/** DataView's setFloat64, but that every NaN is the one that Java writes. */
export function setJavaDouble(
  view: DataView,
  at: number,
  value: number,
  littleEndian: boolean,
): void {
  if (Number.isNaN(value)) view.setBigUint64(at, DOUBLE_NAN_BITS, littleEndian)
  else view.setFloat64(at, value, littleEndian)
}

/** DataView's setFloat32, but that every NaN is the one that Java writes. */
export function setJavaFloat(
  view: DataView,
  at: number,
  value: number,
  littleEndian: boolean,
): void {
  if (Number.isNaN(value)) view.setUint32(at, FLOAT_NAN_BITS, littleEndian)
  else view.setFloat32(at, value, littleEndian)
}

/** `value` as Java's Double.toString has it: "1.0E7", "-0.0", "NaN", "Infinity". */
export function printJavaDouble(value: number): string {
  const plain = printPlain(value)
  if (plain !== undefined) return plain
  scratch.setFloat64(0, value)
  const bits = scratch.getBigUint64(0)
  return printBits(value < 0, Number((bits >> 52n) & 0x7ffn), bits & ((1n << 52n) - 1n), DOUBLE)
}

/** The float nearest to `value` as Java's Float.toString has it. */
export function printJavaFloat(value: number): string {
  const plain = printPlain(value)
  if (plain !== undefined) return plain
  scratch.setFloat32(0, value)
  const bits = scratch.getUint32(0)
  return printBits(value < 0, (bits >> 23) & 0xff, BigInt(bits & 0x7f_ffff), FLOAT)
}

/** What needs no digits found: no number, zero, and whole numbers that are printed without an exponent. */
function printPlain(value: number): string | undefined {
  if (!Number.isFinite(value)) return String(value)
  if (Number.isInteger(value) && Math.abs(value) < 1e7)
    return `${Object.is(value, -0) ? '-0' : value}.0`
  return undefined
}

interface Digits {
  /** Without leading or, for whole numbers, trailing zeros. */
  readonly digits: string
  /** The value is 0.digits times ten to this. */
  readonly point: number
}

function printBits(
  negative: boolean,
  exponentField: number,
  fraction: bigint,
  format: Format,
): string {
  const hidden = format.significandBits - 1
  let significand = fraction
  let exponent = exponentField - format.exponentBias
  let significantBits = format.significandBits
  if (exponentField === 0) {
    // A subnormal: shifted up to have the leading bit of all others.
    significantBits = bitLength(fraction)
    const shift = format.significandBits - significantBits
    significand <<= BigInt(shift)
    exponent = 1 - shift - format.exponentBias
  } else {
    significand |= 1n << BigInt(hidden)
  }
  const found = findDigits(significand << BigInt(52 - hidden), exponent, significantBits)
  return (negative ? '-' : '') + placePoint(found)
}

/** `significand` of 53 bits, the first of them set, stands for significand * 2^(exponent - 52). */
function findDigits(significand: bigint, exponent: number, significantBits: number): Digits {
  // Exact: a power of two.
  const tailZeros = Math.log2(Number(significand & -significand))
  const fractionBits = 53 - tailZeros
  const tinyBits = Math.max(0, fractionBits - exponent - 1)
  if (tinyBits === 0 && exponent <= WHOLE_EXPONENT_MAX)
    return wholeDigits(shifted(significand, exponent - 52), exponent - significantBits - 1)

  // The value is B / S * 10^decimalExponent, half the distance to its neighbours M / S; all are kept whole by common factors.
  const guess = guessExponent(significand, exponent)
  const five = Math.max(0, -guess)
  const scaleFive = Math.max(0, guess)
  let two = five + tinyBits + exponent
  let scaleTwo = scaleFive + tinyBits
  let marginTwo = two - significantBits
  two -= fractionBits - 1
  const common = Math.min(two, scaleTwo)
  two -= common
  scaleTwo -= common
  marginTwo -= common
  if (fractionBits === 1) marginTwo -= 1
  if (marginTwo < 0) {
    two -= marginTwo
    scaleTwo -= marginTwo
    marginTwo = 0
  }
  const valueBits = fractionBits + two + fivePowerBits(five)
  const scaleBits = scaleTwo + 1 + fivePowerBits(scaleFive + 1)
  const bits = Math.max(valueBits, scaleBits)
  return generate({
    value: ((significand >> BigInt(tailZeros)) * FIVE_POWERS[five]) << BigInt(two),
    scale: (5n ** BigInt(scaleFive)) << BigInt(scaleTwo),
    margin: FIVE_POWERS[five] << BigInt(marginTwo),
    exponent: guess,
    width: bits < 32 ? 32 : bits < 64 ? 64 : undefined,
  })
}

interface Fraction {
  readonly value: bigint
  readonly scale: bigint
  readonly margin: bigint
  /** The decimal exponent of the first digit, which is 0 where this was guessed one too high. */
  readonly exponent: number
  /** Bits of the numbers that Java computes with; undefined for as many as it takes. */
  readonly width: 32 | 64 | undefined
}

function generate({ value, scale, margin, exponent, width }: Fraction): Digits {
  const wrapped = (number: bigint): bigint => (width ? BigInt.asIntN(width, number) : number)
  const ten = scale * 10n
  let rest = value
  let distance = margin
  /** The next digit, and whether what is left is near enough to it from above (low) and to the one after it (high). */
  const next = () => {
    const digit = Number(rest / scale)
    rest = (rest % scale) * 10n
    distance = wrapped(distance * 10n)
    const above = wrapped(rest + distance)
    const overflown = distance <= 0n
    return {
      digit,
      low: overflown || rest < distance,
      high: overflown || (width ? above > ten : above >= ten),
    }
  }

  let { digit, low, high } = next()
  const skipped = digit === 0 && !high
  const point = exponent + (skipped ? 0 : 1)
  let digits = skipped ? '' : String(digit)
  // "At least one digit after the point" is taken to mean here: with an exponent, more than the first.
  if (point - 1 < -3 || point - 1 >= 8) low = high = false
  for (let near = low || high; !near; near = low || high) {
    ;({ digit, low, high } = next())
    digits += String(digit)
  }
  const up = high && (!low || roundsUp(wrapped(wrapped(rest * 2n) - ten), digits))
  return up ? roundUp(digits, point) : { digits, point }
}

/** To the nearer digit; to the even one from the middle. */
function roundsUp(difference: bigint, digits: string): boolean {
  return difference === 0n ? Number(digits.at(-1)) % 2 === 1 : difference > 0n
}

function roundUp(digits: string, point: number): Digits {
  const kept = digits.replace(/9*$/, '')
  const zeros = '0'.repeat(digits.length - kept.length)
  if (kept === '') return { digits: `1${zeros.slice(1)}`, point: point + 1 }
  return { digits: kept.slice(0, -1) + String(Number(kept.at(-1)) + 1) + zeros, point }
}

function wholeDigits(value: bigint, spareBits: number): Digits {
  const dropped = spareBits > 1 ? Math.floor(spareBits * Math.LOG10E * Math.LN2) : 0
  const unit = 10n ** BigInt(dropped)
  const kept = value / unit + ((value % unit) * 2n >= unit && dropped > 0 ? 1n : 0n)
  const all = kept.toString()
  return { digits: all.replace(/0+$/, ''), point: all.length + dropped }
}

/** The decimal exponent, or one more: a straight line laid along the logarithm. */
function guessExponent(significand: bigint, exponent: number): number {
  const mantissa = Number(significand) / 2 ** 52
  return Math.floor((mantissa - 1.5) * 0.289529654 + 0.176091259 + exponent * 0.301029995663981)
}

function fivePowerBits(power: number): number {
  return FIVE_POWER_BITS[power] ?? power * 3
}

function bitLength(value: bigint): number {
  return value.toString(2).length
}

function shifted(value: bigint, bits: number): bigint {
  return bits >= 0 ? value << BigInt(bits) : value >> BigInt(-bits)
}

/** From 10^-3 to below 10^7 with the point in its place, outside with an exponent. */
function placePoint({ digits, point }: Digits): string {
  if (point > 7 || point < -2) return `${digits[0]}.${digits.slice(1) || '0'}E${point - 1}`
  if (point <= 0) return `0.${'0'.repeat(-point)}${digits}`
  return `${digits.slice(0, point).padEnd(point, '0')}.${digits.slice(point) || '0'}`
}
