// The `.crc` sidecar of Spark 4.1: one JSON object with the CRC32C and the size of the main file, all of its bytes.
//
// SPARK: all five fields are needed, else Spark refuses the main file; `value` is the checksum as a signed 32-bit number. Extra fields,
// another order and an unsigned value are fine with Spark, and here.

import { StateStoreError } from '../errors.ts'
import { corruptFile } from '../codec/corrupt-file.ts'

const ALGORITHM = 'CRC32C'

export interface Sidecar {
  /** CRC32C of the main file, unsigned. */
  readonly crc: number
  readonly sizeBytes: number
  /** When it was written, milliseconds since the epoch; for people only. */
  readonly timestampMs: number
}

export function encodeSidecar(sidecar: Sidecar): Uint8Array {
  return new Uint8Array(
    Buffer.from(
      JSON.stringify({
        algorithm: ALGORITHM,
        value: sidecar.crc | 0,
        mainFileSize: sidecar.sizeBytes,
        timestampMs: Math.trunc(sidecar.timestampMs),
        // What Spark writes where no task is running. Who wrote the main file stands in its trailer.
        creator: { executorId: '', taskInfo: '' },
      }),
    ),
  )
}

/** Throws CORRUPT_FILE where a field is missing or wrong, UNSUPPORTED where the algorithm is another one. `path` is the sidecar's. */
export function decodeSidecar(bytes: Uint8Array, path: string): Sidecar {
  const value = parse(bytes, path)
  const bad = (field: string) => corruptFile(path, `The sidecar's \`${field}\` is missing or wrong`)
  if (typeof value !== 'object' || value === null)
    throw corruptFile(path, 'The sidecar is no JSON object')
  const {
    algorithm,
    value: crc,
    mainFileSize,
    timestampMs,
    creator,
  } = value as Record<string, unknown>
  if (typeof algorithm !== 'string') throw bad('algorithm')
  if (algorithm !== ALGORITHM)
    throw new StateStoreError(
      'TIDEMARK_UNSUPPORTED',
      `Expected a sidecar with ${ALGORITHM}, found ${JSON.stringify(algorithm.slice(0, 40))} (${path})`,
      { path },
    )
  if (!isIntegerIn(crc, -(2 ** 31), 2 ** 32 - 1)) throw bad('value')
  if (!isIntegerIn(mainFileSize, 0, Number.MAX_SAFE_INTEGER)) throw bad('mainFileSize')
  if (!isIntegerIn(timestampMs, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER))
    throw bad('timestampMs')
  if (typeof creator !== 'object' || creator === null) throw bad('creator')
  return { crc: crc >>> 0, sizeBytes: mainFileSize, timestampMs }
}

/**
 * Checks the main file against its sidecar. `main` is what the main file really has; `path` is the sidecar's. Throws as `decodeSidecar`, and
 * CORRUPT_FILE where the two disagree: which of them is wrong is for the caller to decide.
 */
export function verifySidecar(
  bytes: Uint8Array,
  main: { path: string; sizeBytes: number; crc: number },
): void {
  const sidecar = decodeSidecar(bytes, main.path)
  if (sidecar.sizeBytes !== main.sizeBytes)
    throw corruptFile(
      main.path,
      `The sidecar speaks of a file of ${sidecar.sizeBytes} bytes, but the file has ${main.sizeBytes}`,
    )
  if (sidecar.crc !== main.crc)
    throw corruptFile(
      main.path,
      `The sidecar says CRC32C ${hex(sidecar.crc)}, but the file has ${hex(main.crc)}`,
    )
}

function parse(bytes: Uint8Array, path: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw corruptFile(path, 'The sidecar is not JSON', { cause })
  }
}

function isIntegerIn(value: unknown, min: number, max: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0')
}
