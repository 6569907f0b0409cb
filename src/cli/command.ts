// Command — what a verb of the command line is: its name, its help, the options it takes, and what it does.
//
// run.ts finds the verb and turns what it throws into an exit code; arguments.ts has the options that all verbs choose from.

import { type CommandArguments, OPTIONS, type OptionName } from './arguments.ts'
import type { Output } from './output.ts'

/** One verb of the command line. */
export interface Command {
  readonly verb: string
  /** One line for the list of verbs. */
  readonly summary: string
  /** The rest of its help: what it prints and means. */
  readonly details: string
  readonly options: readonly OptionName[]
  /** How often --version or --batch may be given. Default 1. */
  readonly statesMax?: number
  /** Does it, and resolves to the exit code: 0 fine, 1 problems found. What it throws is told on stderr. */
  run(args: CommandArguments, output: Output): Promise<number>
}

/** The options by which all verbs choose stores and say how rows are to be read. */
export const COMMON_OPTIONS: readonly OptionName[] = [
  'operator',
  'partition',
  'store',
  'json',
  'row-checksums',
  'floor-values',
  'help',
]

export function helpOf(command: Command): string {
  const shownMax = Math.max(...command.options.map((name) => OPTIONS[name].shown.length))
  const options = command.options.map(
    (name) => `  ${OPTIONS[name].shown.padEnd(shownMax)}  ${OPTIONS[name].doc}`,
  )
  return `Usage: tidemark ${command.verb} <checkpoint> [options]

${command.summary}.

${command.details}

Options:
${options.join('\n')}
`
}

export function helpOfAll(commands: readonly Command[]): string {
  const verbMax = Math.max(...commands.map(({ verb }) => verb.length))
  const verbs = commands.map(({ verb, summary }) => `  ${verb.padEnd(verbMax)}  ${summary}`)
  return `Usage: tidemark <verb> <checkpoint> [options]

Reads the checkpoints of tidemark, and of Spark's HDFS-backed state store; never writes to them.
<checkpoint> is the folder that holds \`state\`, or its webhdfs, swebhdfs or s3 URL.

Verbs:
${verbs.join('\n')}

\`tidemark <verb> --help\` tells the options of a verb.
Exit code: 0 fine, 1 problems found or an error, 2 wrong usage.
`
}
