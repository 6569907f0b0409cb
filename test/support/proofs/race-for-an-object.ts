// Sixteen uploads from four processes race for one object, again and again: first for a name where nothing is, then over what the winner has
// written. Exactly one may be told that it was written, and its bytes must be there.
//
// The probe at the claim asks one thing after the other, and services that look first and write afterwards pass it. They fail here: the bodies are
// large enough for a look to fall into the time of another's write. All rounds are run, so that it can be said how many were lost.

import { afterAll, beforeAll, expect, test } from 'vitest'
import type { CheckpointFileManager, WriteCondition } from '../../../src/files/file-manager.ts'
import { ServingProcess } from '../processes.ts'
import {
  openFiles,
  type ProofOptions,
  type ProofStorage,
  type StorageOpener,
} from '../proof-storage.ts'
import type { RacedUpload } from '../upload-child.ts'

const PROCESSES = 4
const CALLERS_EACH = 4
/** Of names; each is raced for twice. More find what is lost rarely. */
const ROUNDS = Number(process.env['TIDEMARK_RACE_ROUNDS'] ?? 200)
const CONTENT_BYTES = 256 * 1024
/** How far ahead the common moment is set: all must have heard of it by then. */
const LEAD_MS = 8
/** Shown of the rounds that were lost. */
const EXAMPLES_MAX = 5

export function raceForAnObject(
  openStorage: StorageOpener,
  { timeoutMs }: ProofOptions = {},
): void {
  let storage: ProofStorage
  let location: string
  let files: CheckpointFileManager
  let processes: ServingProcess[] = []
  beforeAll(async () => {
    storage = await openStorage()
    location = await storage.newLocation()
    files = await openFiles(location)
    const script = new URL('../upload-child.ts', import.meta.url)
    processes = Array.from({ length: PROCESSES }, () => new ServingProcess(script))
    await Promise.all(
      processes.map((each) => each.call('open', { location, callers: CALLERS_EACH })),
    )
  })
  afterAll(async () => {
    await Promise.all(processes.map((each) => each.kill()))
    await storage?.discard(location)
    await storage?.[Symbol.asyncDispose]()
  })

  /** What was wrong with it, if anything was. */
  async function race(path: string, condition: WriteCondition): Promise<string | undefined> {
    // No content comes twice: its ETag would come twice, and the condition hold again.
    const kind = condition === 'absent' ? 'new' : 'over'
    const order = { path, condition, sizeBytes: CONTENT_BYTES, atMs: Date.now() + LEAD_MS }
    const told = await Promise.all(
      processes.map((each, index) =>
        each.call<RacedUpload[]>('race', { ...order, tag: `${path} ${kind} ${index}` }),
      ),
    )
    const writers = told.flat().filter(({ outcome }) => outcome === 'written')
    const strange = told.flat().filter(({ outcome }) => !/^(written|refused)$/.test(outcome))
    if (strange.length > 0) return `${strange.length} got no answer (${strange[0].outcome})`
    if (writers.length !== 1) return `${writers.length} of them were told that it was written`
    const expected = Buffer.alloc(CONTENT_BYTES, writers[0].tag)
    const found = await files.read(path)
    return Buffer.compare(found ?? new Uint8Array(), expected) === 0
      ? undefined
      : 'what is there is not what the only winner wrote'
  }

  const timed = timeoutMs === undefined ? {} : { timeout: timeoutMs }
  test(
    'of sixteen uploads at once exactly one is written, where nothing is and over what is there',
    timed,
    async () => {
      const lost: Record<'absent' | 'replaced', string[]> = { absent: [], replaced: [] }
      for (let round = 1; round <= ROUNDS; round++) {
        const path = `raced/${round}`
        const created = await race(path, 'absent')
        if (created !== undefined) lost.absent.push(`round ${round}: ${created}`)
        const revision = (await files.stat(path))?.revision
        const replaced =
          revision === undefined ? 'nothing to replace' : await race(path, { revision })
        if (replaced !== undefined) lost.replaced.push(`round ${round}: ${replaced}`)
        await files.deleteFile(path)
      }
      const summary =
        `${lost.absent.length} of ${ROUNDS} races for a new object were lost, ` +
        `${lost.replaced.length} of ${ROUNDS} for replacing one`
      console.log(summary)
      const examples = [
        ...lost.absent.slice(0, EXAMPLES_MAX),
        ...lost.replaced.slice(0, EXAMPLES_MAX),
      ]
      expect(examples, `${summary}: this storage does not honour conditions in a race`).toEqual([])
    },
  )
}
