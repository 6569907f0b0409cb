// The grammar of the command line, one for all verbs:
//
//   tidemark <verb> <checkpoint> [--operator n] [--partition p] [--store name] [--version v | --batch b] [--json] [--help]
//
// A verb takes the options it names and refuses the others.

import { parseArgs } from 'node:util'
import type { AtVersion } from '../checkpoint/read-plan.ts'
import type { JoinSide } from '../checkpoint/stored-rows.ts'
import { UsageError } from './usage-error.ts'

/** Every option there is: how it is written in help texts, and what it means. */
export const OPTIONS = {
  operator: { type: 'string', shown: '--operator <n>', doc: 'only stores of this operator' },
  partition: { type: 'string', shown: '--partition <p>', doc: 'only stores of this partition' },
  store: {
    type: 'string',
    shown: '--store <name>',
    doc: 'only stores of this name; `default` is the one without a folder of its own',
  },
  version: {
    type: 'string',
    multiple: true,
    shown: '--version <v>',
    doc: 'at this version (default: the last committed batch, or the newest version; verify: up to it)',
  },
  batch: {
    type: 'string',
    multiple: true,
    shown: '--batch <b>',
    doc: 'at the version that this batch left, which is b + 1',
  },
  from: { type: 'string', shown: '--from <b>', doc: 'from this batch on' },
  to: {
    type: 'string',
    shown: '--to <b>',
    doc: 'up to this batch (default: the last committed one)',
  },
  'join-side': {
    type: 'string',
    shown: '--join-side <side>',
    doc: 'the rows of one side of a stream-stream join, left or right, without its own columns',
  },
  'snapshot-batch': {
    type: 'string',
    shown: '--snapshot-batch <b>',
    doc: 'rebuild from the snapshot that follows this batch and no other; with --partition',
  },
  hex: { type: 'boolean', shown: '--hex', doc: 'keys and values as bytes, whatever their schema' },
  json: { type: 'boolean', shown: '--json', doc: 'one JSON object a line, nothing else on stdout' },
  'row-checksums': {
    type: 'boolean',
    shown: '--[no-]row-checksums',
    doc: 'rows carry a checksum each (default: what the offset log of Spark says)',
  },
  'floor-values': {
    type: 'boolean',
    shown: '--[no-]floor-values',
    doc: 'cut value sizes to a multiple of 8, as Spark does (default: in a checkpoint of Spark)',
  },
  help: { type: 'boolean', shown: '--help', doc: 'show this text' },
} as const

export type OptionName = keyof typeof OPTIONS

/** The arguments of a verb, understood. */
export interface CommandArguments {
  readonly checkpoint: string
  readonly selection: {
    readonly operatorId: number | undefined
    readonly partitionId: number | undefined
    readonly storeName: string | undefined
  }
  /** Which state is meant: one, or for verbs that compare, two. Empty where none is given. */
  readonly at: readonly AtVersion[]
  readonly from: number | undefined
  readonly to: number | undefined
  readonly joinSide: JoinSide | undefined
  readonly snapshotBatchId: number | undefined
  readonly hex: boolean
  readonly json: boolean
  readonly overrides: {
    readonly rowChecksums: boolean | undefined
    readonly floorValues: boolean | undefined
  }
}

/** Understands what follows the verb; 'help' if that is asked for. Throws UsageError. */
export function parseArguments(
  args: readonly string[],
  allowed: readonly OptionName[],
  statesMax = 1,
): CommandArguments | 'help' {
  const { values, positionals, tokens } = parse(args)
  if (values.help) return 'help'
  checkRepetition(tokens.flatMap((token) => (token.kind === 'option' ? [token.name] : [])))
  for (const name of Object.keys(values) as OptionName[]) {
    if (!allowed.includes(name)) throw new UsageError(`--${name} is not an option of this verb`)
  }
  const [checkpoint, ...more] = positionals
  if (checkpoint === undefined || checkpoint === '')
    throw new UsageError('Expected the path of a checkpoint, got none')
  if (more.length > 0) {
    const found = more.map((argument) => JSON.stringify(argument)).join(' ')
    throw new UsageError(`Expected one checkpoint and then options only, got also ${found}`)
  }
  return {
    checkpoint,
    selection: {
      operatorId: wholeNumber('operator', values.operator),
      partitionId: wholeNumber('partition', values.partition),
      storeName: values.store,
    },
    at: states(values.version ?? [], values.batch ?? [], statesMax),
    from: wholeNumber('from', values.from),
    to: wholeNumber('to', values.to),
    joinSide: joinSide(values['join-side']),
    snapshotBatchId: wholeNumber('snapshot-batch', values['snapshot-batch']),
    hex: values.hex ?? false,
    json: values.json ?? false,
    overrides: { rowChecksums: values['row-checksums'], floorValues: values['floor-values'] },
  }
}

function parse(args: readonly string[]) {
  const { help } = OPTIONS
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      allowNegative: true,
      tokens: true,
      options: { ...OPTIONS, help: { ...help, short: 'h' } },
    })
  } catch (cause) {
    const isUsage =
      cause instanceof TypeError &&
      String((cause as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS')
    if (!isUsage) throw cause
    throw new UsageError(cause.message, { cause })
  }
}

/** The last one would win, without a word. */
function checkRepetition(names: readonly string[]): void {
  for (const name of new Set(names)) {
    const count = names.filter((other) => other === name).length
    // Of these a verb may take two.
    if (count > 1 && name !== 'version' && name !== 'batch')
      throw new UsageError(`Expected --${name} at most once, got it ${count} times`)
  }
}

/** Versions or batches, as many as the verb takes. */
function states(
  versions: readonly string[],
  batches: readonly string[],
  statesMax: number,
): AtVersion[] {
  if (versions.length > 0 && batches.length > 0)
    throw new UsageError('Expected --version or --batch, got both; batch b is version b + 1')
  const [name, given] = batches.length > 0 ? ['batch', batches] : ['version', versions]
  if (given.length > statesMax) {
    const times = statesMax === 1 ? 'once' : `${statesMax} times`
    throw new UsageError(`Expected --${name} at most ${times}, got it ${given.length} times`)
  }
  return given.map((text) => {
    const number = wholeNumber(name, text)
    return name === 'batch' ? { batchId: number } : { version: number }
  })
}

function joinSide(text: string | undefined): JoinSide | undefined {
  if (text === undefined || text === 'left' || text === 'right') return text
  throw new UsageError(`Expected --join-side to be left or right, got ${JSON.stringify(text)}`)
}

function wholeNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value
  throw new UsageError(
    `Expected --${name} to be a whole number, 0 or more, got ${JSON.stringify(text)}`,
  )
}
