// The command line of the demo. Anything wrong with it is said in one line, before anything is done.

import { randomInt } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

export const ROWS_MAX = 3_000_000
export const ROWS_DEFAULT = 3_000_000
const SEED_MAX = 2 ** 32 - 1
const BATCH_ROWS_MAX = 50_000

export const HELP = `Usage: npm run demo -- [options]

Streams real US flights through two stateful operators, kills the job twice with SIGKILL, and checks that nothing was lost or counted twice.

  --rows N          flights to stream, 1 to ${ROWS_MAX} (default ${ROWS_DEFAULT})
  --batch-rows N    flights per micro-batch, 1 to ${BATCH_ROWS_MAX} (default a hundredth of the rows)
  --seed N          chooses the moments of the kills, 0 to ${SEED_MAX} (default random; printed)
  --checkpoint DIR  where the state goes; one that is there is continued (default a new temporary folder)
  --on hdfs         on a real HDFS instead, which is started for the demo and ends with it (needs Java 17; Maven the first time)
  --on s3           on a real S3 service instead (versitygw), which is started for the demo and ends with it (needs Go the first time)
  --no-keep         delete a temporary checkpoint at the end
  --help            this text
`

export interface DemoArguments {
  rows: number
  batchRows: number
  seed: number
  /** What kind of storage. */
  on: 'folder' | 'hdfs' | 's3'
  /** The folder; empty where it is none. */
  checkpoint: string
  /** Whether the checkpoint is deleted when all is well. */
  isDeletedAtEnd: boolean
}

/** The command line is not one we accept: the message says why. */
export class ArgumentError extends Error {
  override readonly name = 'ArgumentError'
}

/** 'help', or what is to be done. Throws ArgumentError. Makes the temporary checkpoint if none was named. */
export function parseArguments(args: readonly string[]): DemoArguments | 'help' {
  const values = parseOptions(args)
  if (values.help) return 'help'
  const rows = whole('rows', values.rows, 1, ROWS_MAX) ?? ROWS_DEFAULT
  const on = storage(values.on, values.checkpoint)
  const batchRowsDefault = Math.min(BATCH_ROWS_MAX, Math.max(1, Math.ceil(rows / 100)))
  return {
    rows,
    batchRows: whole('batch-rows', values['batch-rows'], 1, BATCH_ROWS_MAX) ?? batchRowsDefault,
    seed: whole('seed', values.seed, 0, SEED_MAX) ?? randomInt(SEED_MAX + 1),
    on,
    checkpoint: on === 'folder' ? folder(values.checkpoint) : '',
    isDeletedAtEnd: !values.keep && values.checkpoint === undefined,
  }
}

function parseOptions(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      allowNegative: true,
      options: {
        rows: { type: 'string' },
        'batch-rows': { type: 'string' },
        seed: { type: 'string' },
        checkpoint: { type: 'string' },
        on: { type: 'string' },
        keep: { type: 'boolean', default: true },
        help: { type: 'boolean', default: false },
      },
    })
    return values
  } catch (error) {
    throw new ArgumentError(error instanceof Error ? error.message : String(error), {
      cause: error,
    })
  }
}

function whole(name: string, text: string | undefined, min: number, max: number) {
  if (text === undefined) return undefined
  const number = Number(text)
  if (/^\d+$/.test(text) && number >= min && number <= max) return number
  throw new ArgumentError(
    `Expected --${name} to be a whole number, ${min} to ${max}, got ${JSON.stringify(text)}`,
  )
}

function storage(name: string | undefined, checkpoint: string | undefined): DemoArguments['on'] {
  if (name === undefined) return 'folder'
  if (name !== 'hdfs' && name !== 's3')
    throw new ArgumentError(`Expected --on to be hdfs or s3, got ${JSON.stringify(name)}`)
  if (checkpoint !== undefined)
    throw new ArgumentError(
      `--checkpoint names a folder, and --on ${name} puts the checkpoint elsewhere: give one of them`,
    )
  return name
}

function folder(checkpoint: string | undefined): string {
  return checkpoint === undefined
    ? mkdtempSync(join(tmpdir(), 'tidemark-flights-'))
    : existing(checkpoint)
}

/** A folder that is not a checkpoint is left alone. */
function existing(directory: string): string {
  const path = resolve(directory)
  if (!existsSync(path)) return path
  if (!statSync(path).isDirectory()) throw new ArgumentError(`--checkpoint ${path} is not a folder`)
  const names = readdirSync(path)
  if (names.length > 0 && !names.includes('state')) {
    throw new ArgumentError(`--checkpoint ${path} holds other things than a checkpoint`)
  }
  return path
}
