// The offset log: offsets/<batch>, written before the batch runs: what it reads, its watermark, and the settings it must keep.
//
//   v1   line 2 the metadata as JSON (empty before Spark 2.2), then for each source in order its offset as JSON, or `-`
//   v2   the same, each offset with its source's id in front: `<source id>:<offset>`
//
// SPARK: no line break at the end. Metadata fields that are not known here are kept as they are.

import { corruptFile } from '../codec/corrupt-file.ts'
import {
  checkPrinted,
  isRecord,
  parseJsonObject,
  parseVersionedText,
  printVersionedText,
  wholeNumberField,
  wrongField,
} from './versioned-text.ts'

export const OFFSETS_DIRECTORY = 'offsets'

const WHAT = 'an offset log'

/** How far one source is read. */
export interface SourceOffset {
  /** Only format 2 names it. */
  readonly sourceId?: string
  /** The source's own JSON, as it stands there; undefined where the source had none. */
  readonly offset: string | undefined
}

/** The file offsets/<batch>. */
export interface OffsetLogEntry {
  readonly formatVersion: 1 | 2
  /** Undefined where there is none: before Spark 2.2. */
  readonly metadata: OffsetMetadata | undefined
  /** In the query's order; one at least. */
  readonly sources: readonly SourceOffset[]
}

/** Fields that are not named here are kept as they are. */
export interface OffsetMetadata {
  /** Milliseconds since the epoch; 0, or absent, before there is one. */
  readonly batchWatermarkMs?: number
  /** When the batch was planned; milliseconds since the epoch. */
  readonly batchTimestampMs?: number
  /** Settings by their Spark names. Absent before Spark 2.3. */
  readonly conf?: Readonly<Record<string, string>>
  readonly [field: string]: unknown
}

/**
 * An entry of Spark's offset log; `path` is for messages. CORRUPT_FILE or UNKNOWN_FORMAT_VERSION, naming `path`, unless `bytes` are one from end
 * to end.
 */
export function parseOffsetLog(bytes: Uint8Array, path: string): OffsetLogEntry {
  const { formatVersion, lines } = parseVersionedText(bytes, path, WHAT, [1, 2])
  const [metadata, ...sources] = lines
  // SPARK: a line break at the end, as editors leave it, ends the last line.
  if (sources.length > 1 && sources.at(-1) === '') sources.pop()
  const parsed = metadata === '' ? undefined : parseMetadata(metadata, path)
  if (sources.length === 0)
    throw corruptFile(
      path,
      `Expected the offset of a source behind the metadata, found the end: the file is cut`,
    )
  return {
    formatVersion,
    metadata: parsed,
    sources: sources.map((line, index) => parseSource(line, index, formatVersion, path)),
  }
}

/** The bytes of offsets/<batch>, as Spark writes them. RangeError for what could not be read again, such as an offset of several lines. */
export function printOffsetLog({ formatVersion, metadata, sources }: OffsetLogEntry): Uint8Array {
  const lines = sources.map(({ sourceId, offset = '-' }) =>
    formatVersion === 1 ? offset : `${sourceId ?? ''}:${offset}`,
  )
  const head = metadata === undefined ? '' : JSON.stringify(metadata)
  const broken = lines.findIndex((line) => /[\r\n]/.test(line))
  if (broken >= 0)
    throw new RangeError(
      `Expected the offset of source ${broken} to be one line, got one with a line break`,
    )
  return checkPrinted(
    printVersionedText({ formatVersion, lines: [head, ...lines] }),
    parseOffsetLog,
  )
}

function parseMetadata(line: string | undefined, path: string): OffsetMetadata {
  const metadata = parseJsonObject(line, path, 'the second line of an offset log')
  for (const field of ['batchWatermarkMs', 'batchTimestampMs'])
    if (metadata[field] !== undefined) wholeNumberField(metadata, field, path)
  const { conf = {} } = metadata
  if (!isRecord(conf)) throw wrongField('conf', 'an object', conf, path)
  for (const [name, value] of Object.entries(conf))
    if (typeof value !== 'string') throw wrongField(`conf.${name}`, 'a string', value, path)
  return metadata
}

function parseSource(
  line: string,
  index: number,
  formatVersion: 1 | 2,
  path: string,
): SourceOffset {
  const colon = formatVersion === 1 ? -1 : line.indexOf(':')
  if (formatVersion === 2 && colon < 1)
    throw corruptFile(
      path,
      `Expected line ${index + 3} to be <source id>:<offset>, found no colon behind an id`,
    )
  const offset = line.slice(colon + 1)
  checkOffset(offset, index, path)
  const known = offset === '-' ? undefined : offset
  return formatVersion === 1 ? { offset: known } : { sourceId: line.slice(0, colon), offset: known }
}

/** Sources write what they like, which by Spark's contract is JSON. What begins as JSON and does not end as such has been cut. */
function checkOffset(offset: string, index: number, path: string): void {
  const where = `the offset of source ${index} (line ${index + 3})`
  if (offset === '')
    throw corruptFile(path, `Expected ${where}, found an empty line: the file is cut`)
  if (!/^[[{"]/.test(offset)) return
  try {
    JSON.parse(offset)
  } catch (cause) {
    throw corruptFile(path, `Expected ${where} to be JSON, found something else, or a part of it`, {
      cause,
    })
  }
}
