// Progress — the caller's own JSON that is committed with a version, e.g. source offsets.
//
// It is hashed into the commit id as RFC 8785 JSON and read back from the trailer, so it must be JSON in the strict sense: what goes in
// comes out. JSON.stringify would quietly drop undefined, turn NaN into null and call toJSON; here each of these is a TypeError that
// names the path. An own `__proto__` key is a key like any other and makes the round trip.

import canonicalize from 'canonicalize'

export type JsonValue =
  null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue }

/** What a trailer's body may hold besides progress fits into the rest of its 1 MiB many times over. */
export const PROGRESS_BYTES_MAX = 1024 * 1024 - 16 * 1024

/** Deeper nesting is no progress, and canonicalize recurses. */
export const PROGRESS_DEPTH_MAX = 100

/**
 * The RFC 8785 form of `progress`. Throws TypeError naming the path where it is not JSON (undefined, function, bigint, symbol, NaN, infinite,
 * Date or any other object with a class, hole in an array, cycle, lone surrogate), RangeError where it is deeper than 100 levels or longer
 * than 1,032,192 bytes.
 */
export function canonicalProgress(progress: unknown): string {
  check(progress, 'progress', 1, { ancestors: new Set(), values: 0 })
  const text = canonicalize(progress)
  const sizeBytes = Buffer.byteLength(text ?? '')
  if (text === undefined || sizeBytes > PROGRESS_BYTES_MAX)
    throw new RangeError(
      `Expected \`progress\` to be at most ${PROGRESS_BYTES_MAX} bytes of JSON, got ${sizeBytes}`,
    )
  return text
}

/** A copy of `progress` that its owner's later changes do not reach. Throws as `canonicalProgress`. */
export function copyProgress(progress: unknown): JsonValue {
  return JSON.parse(canonicalProgress(progress)) as JsonValue
}

interface Walk {
  readonly ancestors: Set<object>
  /** How many values were met so far. */
  values: number
}

function check(value: unknown, path: string, depth: number, walk: Walk): void {
  // Each value is a byte of JSON at least; an object met along many paths is as many values.
  if (++walk.values > PROGRESS_BYTES_MAX)
    throw new RangeError(
      `Expected \`progress\` to be at most ${PROGRESS_BYTES_MAX} bytes of JSON, got more`,
    )
  const refuse = (what: string) => new TypeError(`Expected \`${path}\` to be JSON, got ${what}`)
  switch (typeof value) {
    case 'boolean':
      return
    case 'number':
      if (!Number.isFinite(value)) throw refuse(String(value))
      return
    case 'string':
      if (!value.isWellFormed()) throw refuse('a string with a lone surrogate')
      return
    case 'object':
      if (value !== null) checkObject(value, path, depth, walk)
      return
    case 'undefined':
      throw refuse('undefined')
    case 'bigint':
    case 'function':
    case 'symbol':
      throw refuse(`a ${typeof value}`)
  }
}

function checkObject(value: object, path: string, depth: number, walk: Walk): void {
  const { ancestors } = walk
  const refuse = (what: string) => new TypeError(`Expected \`${path}\` to be JSON, got ${what}`)
  if (depth > PROGRESS_DEPTH_MAX)
    throw new RangeError(
      `Expected \`progress\` to be nested at most ${PROGRESS_DEPTH_MAX} levels deep`,
    )
  if (ancestors.has(value)) throw refuse('an object that contains itself')
  ancestors.add(value)
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) check(value[i], `${path}[${i}]`, depth + 1, walk)
  } else {
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype !== Object.prototype && prototype !== null) throw refuse(nameOfClass(prototype))
    if (Object.getOwnPropertySymbols(value).length > 0) throw refuse('an object with a symbol key')
    for (const [key, child] of Object.entries(value)) {
      if (!key.isWellFormed()) throw refuse('an object with a lone surrogate in a key')
      check(child, `${path}.${key}`, depth + 1, walk)
    }
  }
  ancestors.delete(value)
}

function nameOfClass(prototype: unknown): string {
  const constructor = (prototype as { constructor?: unknown }).constructor
  return `an instance of ${typeof constructor === 'function' && constructor.name !== '' ? constructor.name : 'a class'}`
}
