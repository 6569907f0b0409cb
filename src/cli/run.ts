// The command line: finds the verb, runs it, and turns what it throws into a line on stderr and an exit code.
//
//   0   fine
//   1   problems were found, or an error of the checkpoint or its storage
//   2   wrong usage

import { constants } from 'node:buffer'
import type { Writable } from 'node:stream'
import { isStateStoreError } from '../errors.ts'
import { parseArguments } from './arguments.ts'
import { type Command, helpOf, helpOfAll } from './command.ts'
import { commandChanges } from './command-changes.ts'
import { commandDiff } from './command-diff.ts'
import { commandInfo } from './command-info.ts'
import { commandRows } from './command-rows.ts'
import { commandVerify } from './command-verify.ts'
import { Output } from './output.ts'
import { escapeUnprintable } from './printable.ts'
import { UsageError } from './usage-error.ts'

const COMMANDS: readonly Command[] = [
  commandInfo,
  commandRows,
  commandChanges,
  commandDiff,
  commandVerify,
]

/** Runs the command line `args` (without node and script) and resolves to the exit code. */
export async function run(
  args: readonly string[],
  streams: { readonly stdout: Writable; readonly stderr: Writable },
): Promise<number> {
  const output = new Output(streams.stdout)
  const [verb, ...rest] = args
  try {
    const code = await runVerb(verb, rest, output)
    await output.flush()
    return code
  } catch (error) {
    // What was found before the error is worth having.
    await output.flush()
    const [text, code] = explain(error, verb)
    streams.stderr.write(text)
    return code
  }
}

async function runVerb(
  verb: string | undefined,
  rest: readonly string[],
  output: Output,
): Promise<number> {
  if (verb === '--help' || verb === '-h' || verb === 'help') {
    await output.line(helpOfAll(COMMANDS).trimEnd())
    return 0
  }
  const command = COMMANDS.find((candidate) => candidate.verb === verb)
  if (command === undefined) {
    const verbs = COMMANDS.map((candidate) => candidate.verb).join(', ')
    const found = verb === undefined ? 'none' : JSON.stringify(verb)
    throw new UsageError(`Expected a verb (${verbs}), got ${found}`)
  }
  const args = parseArguments(rest, command.options, command.statesMax)
  if (args !== 'help') return await command.run(args, output)
  await output.line(helpOf(command).trimEnd())
  return 0
}

function explain(error: unknown, verb: string | undefined): [text: string, code: number] {
  if (error instanceof UsageError) {
    const known = COMMANDS.some((command) => command.verb === verb)
    const hint = known ? `tidemark ${verb} --help` : 'tidemark --help'
    return [`tidemark: ${escapeUnprintable(error.message)}\nSee ${hint}\n`, 2]
  }
  if (isStateStoreError(error))
    return [`tidemark: ${escapeUnprintable(error.message)} [${error.code}]\n`, 1]
  if (isTooLongForText(error))
    return [
      `tidemark: A row makes more text than the ${constants.MAX_STRING_LENGTH} characters that a line can have; the library has it as bytes (rawRows, rawChanges, rawDifferences) [TIDEMARK_UNSUPPORTED]\n`,
      1,
    ]
  // A path with NUL in it and the like: an argument that the engine refuses.
  if (error instanceof RangeError) return [`tidemark: ${escapeUnprintable(error.message)}\n`, 2]
  throw error
}

/** What Node and V8 throw where a string would be longer than any can be. */
function isTooLongForText(error: unknown): boolean {
  return (
    error instanceof Error &&
    (error.message === 'Invalid string length' ||
      ('code' in error && error.code === 'ERR_STRING_TOO_LONG'))
  )
}
