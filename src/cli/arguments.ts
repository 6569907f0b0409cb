// The grammar of the command line, one for all verbs:
//
//   tidemark <verb> <checkpoint> [--operator n] [--partition p] [--store name] [--version v] [--json] [--help]
//
// A verb takes the options it names and refuses the others.

import { parseArgs } from 'node:util'
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
  version: { type: 'string', shown: '--version <v>', doc: 'at this version instead of the newest' },
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
  readonly version: number | undefined
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
): CommandArguments | 'help' {
  const { values, positionals } = parse(args)
  if (values.help) return 'help'
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
    version: wholeNumber('version', values.version),
    json: values.json ?? false,
    overrides: { rowChecksums: values['row-checksums'], floorValues: values['floor-values'] },
  }
}

function parse(args: readonly string[]) {
  const { operator, partition, store, version, json, help } = OPTIONS
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      allowNegative: true,
      options: {
        operator,
        partition,
        store,
        version,
        json,
        help: { ...help, short: 'h' },
        'row-checksums': OPTIONS['row-checksums'],
        'floor-values': OPTIONS['floor-values'],
      },
    })
  } catch (cause) {
    const isUsage =
      cause instanceof TypeError &&
      String((cause as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS')
    if (!isUsage) throw cause
    throw new UsageError(cause.message, { cause })
  }
}

function wholeNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value
  throw new UsageError(
    `Expected --${name} to be a whole number, 0 or more, got ${JSON.stringify(text)}`,
  )
}
