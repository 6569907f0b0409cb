// The contract of ConditionalWrites, sentence by sentence (src/files/file-manager.ts). Every storage without moves runs it.

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CheckpointFileManager, ConditionalWrites } from '../files/file-manager.ts'
import { bytesOf, namesIn, textOf, timeoutOf } from './file-manager-contract.ts'
import { expectRejected } from './rejections.ts'

export interface ConditionalWritesHarness {
  /** On a checkpoint location that does not exist yet. */
  readonly files: CheckpointFileManager
  /** Another manager on the same location, as another process has. */
  another(): Promise<CheckpointFileManager>
  dispose(): Promise<void>
}

export interface ConditionalWritesContractOptions {
  readonly create: () => Promise<ConditionalWritesHarness>
  /** What is larger than this is sent in parts, bytes; up to four of them are written. Any small size where there are no parts. */
  readonly partSizeBytes: number
  /** False: uploads begun below a folder cannot be listed here. */
  readonly listsUploads?: boolean
  /** How long each test and each of its hooks may take, milliseconds. Default: Vitest's, 5 s. */
  readonly timeoutMs?: number
}

const CALLERS = 8
const ROUNDS = 10

export async function uploadOf(files: CheckpointFileManager, path: string, content: Uint8Array) {
  const upload = await conditionalOf(files).upload(path)
  await upload.write(content)
  return upload
}

export function conditionalOf(files: CheckpointFileManager): ConditionalWrites {
  if (files.conditional === undefined) throw new Error('There are no conditional writes here')
  return files.conditional
}

/** Where `path` stands now. */
export async function revisionOf(files: CheckpointFileManager, path: string): Promise<string> {
  const found = await files.stat(path)
  if (found?.revision === undefined) throw new Error(`${path} has no revision`)
  return found.revision
}

/** Bytes that tell their place and whose they are. */
export function patternBytes(sizeBytes: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes)
  for (let index = 0; index < sizeBytes; index += 101) bytes[index] = (index + seed) % 251
  return bytes
}

function times<T>(count: number, make: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => make(index)))
}

export function conditionalWritesContract(
  name: string,
  { create, partSizeBytes, listsUploads = true, timeoutMs }: ConditionalWritesContractOptions,
): void {
  describe(`${name} keeps the contract of conditional writes`, timeoutOf(timeoutMs), () => {
    let harness: ConditionalWritesHarness
    let files: CheckpointFileManager

    beforeEach(async () => {
      harness = await create()
      files = harness.files
    }, timeoutMs)
    afterEach(() => harness.dispose(), timeoutMs)

    const small = bytesOf('small')
    const large = patternBytes(2 * partSizeBytes + 12_345, 1)

    describe.each([
      ['small, in one request', small],
      ['large, in parts', large],
    ])('%s', (_title, content) => {
      test('absent: written once, and refused from then on', async () => {
        const upload = await uploadOf(files, 'dir/file', content)
        expect(await files.stat('dir/file')).toBeUndefined()
        expect(await files.list('dir')).toBeUndefined()
        expect(await upload.complete('absent')).toBe('written')
        expect(same(await files.read('dir/file'), content)).toBe(true)
        const second = await uploadOf(files, 'dir/file', bytesOf('other'))
        expect(await second.complete('absent')).toBe('refused')
        await second.abort()
        expect(same(await files.read('dir/file'), content)).toBe(true)
      })

      test('a revision: replaces exactly that one', async () => {
        await (await uploadOf(files, 'file', bytesOf('old'))).complete('absent')
        const old = await revisionOf(files, 'file')
        const upload = await uploadOf(files, 'file', content)
        expect(await upload.complete({ revision: old })).toBe('written')
        expect(same(await files.read('file'), content)).toBe(true)
        const late = await uploadOf(files, 'file', bytesOf('late'))
        expect(await late.complete({ revision: old })).toBe('refused')
        await late.abort()
        expect(same(await files.read('file'), content)).toBe(true)
      })

      test('a revision of what is not there is refused', async () => {
        const upload = await uploadOf(files, 'file', content)
        expect(await upload.complete({ revision: 'f'.repeat(32) })).toBe('refused')
        expect(await files.stat('file')).toBeUndefined()
        await upload.abort()
      })

      test('what was refused can be completed with another condition', async () => {
        await (await uploadOf(files, 'file', bytesOf('leftover'))).complete('absent')
        const upload = await uploadOf(files, 'file', content)
        expect(await upload.complete('absent')).toBe('refused')
        expect(await textOf(files, 'file')).toBe('leftover')
        const revision = await revisionOf(files, 'file')
        expect(await upload.complete({ revision })).toBe('written')
        expect(same(await files.read('file'), content)).toBe(true)
      })

      test('abort leaves nothing, and nothing that was written is lost by it', async () => {
        const given = await uploadOf(files, 'dir/given', content)
        await given.abort()
        await given.abort()
        expect(await files.list('dir')).toBeUndefined()
        if (listsUploads) expect(await conditionalOf(files).cleanUploads('dir', -1e9)).toBe(0)
        const written = await uploadOf(files, 'dir/written', content)
        await written.complete('absent')
        await written.abort()
        expect(await namesIn(files, 'dir')).toEqual(['written'])
      })
    })

    test('the same content written again has a revision that may be the same, other content has another', async () => {
      await (await uploadOf(files, 'file', bytesOf('a'))).complete('absent')
      const first = await revisionOf(files, 'file')
      await (await uploadOf(files, 'file', bytesOf('b'))).complete({ revision: first })
      expect(await revisionOf(files, 'file')).not.toBe(first)
    })

    test('an empty object is one', async () => {
      const upload = await conditionalOf(files).upload('empty')
      expect(await upload.complete('absent')).toBe('written')
      expect(await files.stat('empty')).toMatchObject({ type: 'file', sizeBytes: 0 })
      expect(await files.read('empty')).toEqual(new Uint8Array(0))
    })

    test.each([-1, 0, 1])(
      'a size of one part and %i bytes, in uneven chunks whose buffers are free once written',
      async (extra) => {
        const content = patternBytes(partSizeBytes + extra, 7)
        const upload = await conditionalOf(files).upload('file')
        // Of a Buffer, slice() makes no copy.
        const chunk = Buffer.alloc(999_983)
        for (let start = 0; start < content.length; start += chunk.length) {
          const part = content.subarray(start, start + chunk.length)
          chunk.set(part)
          await upload.write(chunk.subarray(0, part.length))
          chunk.fill(255)
        }
        await upload.write(new Uint8Array(0))
        expect(await upload.complete('absent')).toBe('written')
        expect(same(await files.read('file'), content)).toBe(true)
      },
    )

    test('a chunk of several parts', async () => {
      const content = patternBytes(4 * partSizeBytes, 3)
      const upload = await uploadOf(files, 'file', content)
      expect(await upload.complete('absent')).toBe('written')
      expect(same(await files.read('file'), content)).toBe(true)
    })

    test('of writers at once exactly one is written, and it is its content that stays', async () => {
      const managers = await times(CALLERS, () => harness.another())
      for (let round = 0; round < ROUNDS; round++) {
        const race = (condition: 'absent' | { revision: string }, word: string) =>
          times(CALLERS, async (index) => {
            const content = bytesOf(`${word} by ${index}`)
            return (await uploadOf(managers[index], `${round}`, content)).complete(condition)
          })
        const created = await race('absent', 'created')
        expect(created.filter((outcome) => outcome === 'written')).toHaveLength(1)
        expect(await textOf(files, `${round}`)).toBe(`created by ${created.indexOf('written')}`)
        const revision = await revisionOf(files, `${round}`)
        const replaced = await race({ revision }, 'replaced')
        expect(replaced.filter((outcome) => outcome === 'written')).toHaveLength(1)
        expect(await textOf(files, `${round}`)).toBe(`replaced by ${replaced.indexOf('written')}`)
      }
    })

    test('of large writers at once exactly one is written', async () => {
      const managers = await times(3, () => harness.another())
      const uploads = await times(3, (index) =>
        uploadOf(managers[index], 'file', patternBytes(partSizeBytes + 1000, index)),
      )
      const outcomes = await times(3, (index) => uploads[index].complete('absent'))
      expect(outcomes.filter((outcome) => outcome === 'written')).toHaveLength(1)
      const winner = outcomes.indexOf('written')
      const read = await files.read('file')
      expect(same(read, patternBytes(partSizeBytes + 1000, winner))).toBe(true)
      for (const upload of uploads) await upload.abort()
    })

    test('one call at a time, and none after the end', async () => {
      const bug = { code: 'TIDEMARK_INVARIANT_VIOLATED' } as const
      const written = await uploadOf(files, 'a', small)
      const completing = written.complete('absent')
      await expectRejected(written.write(small), bug)
      await completing
      await expectRejected(written.write(small), bug)
      await expectRejected(written.complete('absent'), bug)
      const given = await uploadOf(files, 'b', small)
      await given.abort()
      await expectRejected(given.write(small), bug)
      await expectRejected(given.complete('absent'), bug)
      const refused = await uploadOf(files, 'a', small)
      await refused.complete('absent')
      await expectRejected(refused.write(small), bug)
      expect(await textOf(files, 'a')).toBe('small')
    })

    test('a path that could leave the location is refused', async () => {
      for (const path of ['..', '/a', 'a//b', 'a/../b', 'a\\b', 'x'.repeat(256)]) {
        await expect(conditionalOf(files).upload(path), path).rejects.toBeInstanceOf(RangeError)
        const cleaning = conditionalOf(files).cleanUploads(path, 0)
        await expect(cleaning, path).rejects.toBeInstanceOf(RangeError)
      }
    })

    test('the probe accepts it, leaves nothing, and is made once', async () => {
      await Promise.all([conditionalOf(files).probe(), conditionalOf(files).probe()])
      await conditionalOf(files).probe()
      expect(await files.list('')).toBeUndefined()
    })

    if (listsUploads)
      test('uploads that were never completed are cleaned: old ones, below the folder, by anybody', async () => {
        // Refused, so that no part is still on its way: a service may take one for the beginning of another upload.
        const abandoned = await uploadOf(files, 'dir/abandoned', large)
        expect(await abandoned.complete({ revision: 'f'.repeat(32) })).toBe('refused')
        const beside = await uploadOf(files, 'dirt/beside', large)
        expect(await beside.complete({ revision: 'f'.repeat(32) })).toBe('refused')
        const other = conditionalOf(await harness.another())
        expect(await other.cleanUploads('dir', 3_600_000)).toBe(0)
        expect(await other.cleanUploads('dir', -1e9)).toBe(1)
        expect(await other.cleanUploads('dir', -1e9)).toBe(0)
        await expectRejected(abandoned.complete('absent'), {
          code: 'TIDEMARK_STORAGE_UNAVAILABLE',
        })
        expect(await other.cleanUploads('', -1e9)).toBe(1)
        await beside.abort()
        expect(await files.list('')).toBeUndefined()
      })
  })
}

function same(found: Uint8Array | undefined, expected: Uint8Array): boolean {
  return found !== undefined && Buffer.compare(found, expected) === 0
}
