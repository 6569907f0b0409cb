// The small text files that Spark keeps around the stores: UTF-8, the first line `v<number>`, the rest as each kind of file has it.
//
// SPARK: a header that is no `v` and positive number is malformed; one above what is known is of a newer format. Neither is guessed at.

import { corruptFile } from '../codec/corrupt-file.ts'
import { isStateStoreError, StateStoreError } from '../errors.ts'
import type { CheckpointFileManager } from '../files/file-manager.ts'
import { notBytes } from '../store/store-reader.ts'

/** Far above what Spark writes: offsets of sources with many partitions, schemas of thousands of columns. */
const FILE_BYTES_MAX = 64 * 1024 * 1024

/** How much of a wrong header is shown. */
const SHOWN_CHARACTERS_MAX = 40

/** A whole small file; undefined if it is absent. CORRUPT_FILE above 64 MiB. */
export async function readSmallFile(
  files: CheckpointFileManager,
  path: string,
): Promise<Uint8Array | undefined> {
  const bytes = await files.read(path, { length: FILE_BYTES_MAX + 1 })
  if (bytes !== undefined && bytes.length > FILE_BYTES_MAX)
    throw corruptFile(
      path,
      `Expected a file of at most ${FILE_BYTES_MAX} bytes, found a larger one`,
    )
  return bytes
}

export interface VersionedText<Version extends number> {
  readonly formatVersion: Version
  /** The lines behind the header, without their line breaks. None if the header is all there is. */
  readonly lines: readonly string[]
}

/** Takes the header off. `what` names the kind of file with its article: 'an offset log'. */
export function parseVersionedText<Version extends number>(
  bytes: Uint8Array,
  path: string,
  what: string,
  known: readonly Version[],
): VersionedText<Version> {
  const text = decodeUtf8(bytes, path)
  if (text === '') throw corruptFile(path, `Expected ${what}, found an empty file`, { offset: 0 })
  const [header, ...lines] = text.split('\n')
  const formatVersion = known.find((version) => header === `v${version}`)
  if (formatVersion === undefined) throw unknownHeader(header, path, what, known)
  return { formatVersion, lines }
}

export function printVersionedText({ formatVersion, lines }: VersionedText<number>): Uint8Array {
  return new TextEncoder().encode([`v${formatVersion}`, ...lines].join('\n'))
}

/** `printed`, once `parse` has understood it: RangeError for what nobody could read again. */
export function checkPrinted(
  printed: Uint8Array,
  parse: (bytes: Uint8Array, path: string) => unknown,
): Uint8Array {
  try {
    parse(printed, 'what was to be printed')
  } catch (cause) {
    if (!isStateStoreError(cause)) throw cause
    throw new RangeError(`Expected what can be read again. ${cause.message}`, { cause })
  }
  return printed
}

/** The JSON object that `text` is; CORRUPT_FILE saying that `what` was expected otherwise. */
export function parseJsonObject(
  text: string | undefined,
  path: string,
  what: string,
): Readonly<Record<string, unknown>> {
  let parsed: unknown
  try {
    parsed = JSON.parse(text ?? '')
  } catch (cause) {
    const found = text === undefined || text === '' ? 'nothing' : 'something else, or a part of it'
    throw corruptFile(path, `Expected ${what} to be a JSON object, found ${found}`, { cause })
  }
  if (isRecord(parsed)) return parsed
  throw corruptFile(path, `Expected ${what} to be a JSON object, found ${shown(text ?? '')}`)
}

/** A field of a JSON object that must be a whole number, 0 or more. */
export function wholeNumberField(
  object: Readonly<Record<string, unknown>>,
  name: string,
  path: string,
): number {
  const value = object[name]
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number
  throw wrongField(name, 'a whole number, 0 or more', value, path)
}

/** A field of a JSON object that must be a string. */
export function stringField(
  object: Readonly<Record<string, unknown>>,
  name: string,
  path: string,
): string {
  const value = object[name]
  if (typeof value === 'string') return value
  throw wrongField(name, 'a string', value, path)
}

/** The CORRUPT_FILE for a field that is missing or of the wrong kind. */
export function wrongField(name: string, expected: string, found: unknown, path: string) {
  const text = found === undefined ? 'nothing' : shown(jsonText(found))
  return corruptFile(path, `Expected \`${name}\` to be ${expected}, found ${text}`)
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function decodeUtf8(bytes: Uint8Array, path: string): string {
  if (!(bytes instanceof Uint8Array)) throw notBytes('bytes', bytes)
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw corruptFile(path, 'Expected a text file in UTF-8, found other bytes', { cause })
  }
}

/** The refusal of a header, also of files that are not text: `header` is what was found in its place. */
export function unknownHeader(
  header: string,
  path: string,
  what: string,
  known: readonly number[],
): StateStoreError {
  const expected = known.map((version) => `v${version}`).join(' or ')
  if (!/^v[1-9]\d{0,8}$/.test(header))
    return corruptFile(path, `Expected ${what} to begin with ${expected}, found ${shown(header)}`, {
      offset: 0,
    })
  const isOlder = Number(header.slice(1)) < Math.min(...known)
  const advice = isOlder ? 'nothing is known that would write it' : 'read it with a newer tidemark'
  return new StateStoreError(
    'TIDEMARK_UNKNOWN_FORMAT_VERSION',
    `Expected ${what} of format ${expected}, found ${header}: ${advice} (${path})`,
    { path, offset: 0 },
  )
}

/** JSON.parse takes any depth, JSON.stringify only what the stack bears. */
function jsonText(json: unknown): string {
  try {
    return JSON.stringify(json)
  } catch (error) {
    if (error instanceof RangeError) return 'what nests too deep'
    throw error
  }
}

function shown(text: string): string {
  const cut = text.length > SHOWN_CHARACTERS_MAX
  return JSON.stringify(text.slice(0, SHOWN_CHARACTERS_MAX)) + (cut ? '…' : '')
}
