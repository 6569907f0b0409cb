// `verify`: all that is wrong with a checkpoint, one finding after the other, and how many there are.
//
// What is looked for is the library's (verifyCheckpoint), which also finds the stores that are counted; here it is only printed, errors
// and warnings apart, and errors become the exit code.

import { styleText } from 'node:util'
import { openCheckpoint } from '../checkpoint/checkpoint.ts'
import type { Finding } from '../checkpoint/finding.ts'
import { verifyCheckpoint } from '../checkpoint/verify.ts'
import { type Command, COMMON_OPTIONS } from './command.ts'
import { escapeUnprintable } from './printable.ts'

export const commandVerify: Command = {
  verb: 'verify',
  summary: 'Read every state file and list all that is wrong',
  details: `Checks of every delta and snapshot: framing, checksums, trailer, whose file it is, sidecar (.crc); of every store:
that each version goes on from the one below, that none is missing, and that every snapshot is what the deltas
add up to. Where a query of Spark's stands around the stores: that its id, offset and commit logs, operators and
schemas are there and can be understood, that no partition is missing or too many, that files are in the codec of
the query, and that the rows of the last committed version, or of the one chosen, are of their schema. Errors cost a version or would; warnings (orphans, leftovers, foreign files) cost nothing. With --json
a line is one finding: severity, kind, code, storeId, version, path, offset, message. Exit code 1 if there is any
error. --version looks only at the files up to that version, --batch at those up to the version it left.`,
  options: [...COMMON_OPTIONS.slice(0, 3), 'version', 'batch', ...COMMON_OPTIONS.slice(3)],
  run: async ({ checkpoint: location, selection, at, overrides, json }, output) => {
    const [{ version: given, batchId } = {}] = at
    const version = batchId === undefined ? given : batchId + 1
    // For its stores only; how rows are to be read, and what keeps that from being known, is verifyCheckpoint's to find.
    const { rowChecksums = false } = overrides
    await using checkpoint = await openCheckpoint(location, { ...overrides, rowChecksums })
    const stores = await checkpoint.stores(selection)
    const findings = await verifyCheckpoint(location, { ...selection, ...overrides, version })
    const errors = findings.filter(({ severity }) => severity === 'error').length
    for (const finding of findings)
      await output.line(json ? JSON.stringify(finding) : findingText(finding))
    if (!json) {
      const warnings = findings.length - errors
      await output.line(
        `${counted(stores.length, 'store')} verified: ${counted(errors, 'error')}, ${counted(warnings, 'warning')}`,
      )
    }
    return errors === 0 ? 0 : 1
  },
}

function findingText(finding: Finding): string {
  const { severity, kind, path, offset } = finding
  const label = styleText(severity === 'error' ? 'red' : 'yellow', severity)
  const where = offset === undefined ? path : `${path}, offset ${offset}`
  return `${label} ${kind}: ${escapeUnprintable(where)}\n    ${escapeUnprintable(finding.message)}`
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
