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
add up to. Errors cost a version or would; warnings (orphans, leftovers, foreign files) cost nothing. With --json
a line is one finding: severity, kind, code, storeId, version, path, offset, message. Exit code 1 if there is any
error. --version looks only at the files up to that version, --batch at those up to the version it left.`,
  options: [...COMMON_OPTIONS.slice(0, 3), 'version', 'batch', ...COMMON_OPTIONS.slice(3)],
  run: async ({ checkpoint: location, selection, at, overrides, json }, output) => {
    const [{ version: given, batchId } = {}] = at
    const version = batchId === undefined ? given : batchId + 1
    await using checkpoint = await openCheckpoint(location, overrides)
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
