// The disk in memory must answer as Linux does, or every test that rests on it proves little: the same calls are made on both.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import * as fc from 'fast-check'
import { errnoOf } from '../../../src/files/local-errors.ts'
import { systemFiles, type NativeFiles } from '../../../src/files/local-native.ts'
import { MemoryDisk } from '../../../src/files/memory-disk.ts'

const path = fc.constantFrom('a', 'b', 'd', 'd/a', 'd/b', 'd/e', 'd/e/a', 'a/below')
const step = fc.oneof(
  ...(
    ['openNew', 'openExisting', 'unlink', 'makeDirectory', 'removeDirectory', 'names'] as const
  ).map((method) => fc.record({ method: fc.constant(method), path })),
  fc.record({ method: fc.constant('stat' as const), path }),
  fc.record({ method: fc.constant('link' as const), path, to: path }),
  fc.record({ method: fc.constant('rename' as const), path, to: path }),
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

async function perform(native: NativeFiles, root: string, step: Step): Promise<unknown> {
  const at = `${root}/${step.path}`
  switch (step.method) {
    case 'openNew': {
      const descriptor = await native.openNew(at)
      await native.write(descriptor, new TextEncoder().encode(step.path), 0)
      await native.close(descriptor)
      return 'written'
    }
    case 'openExisting': {
      const descriptor = await native.openExisting(at)
      try {
        const into = new Uint8Array(10)
        const count = await native.read(descriptor, into, 1)
        return new TextDecoder().decode(into.subarray(0, count))
      } finally {
        await native.close(descriptor)
      }
    }
    case 'stat': {
      const { type, sizeBytes } = await native.stat(at)
      return [type, type === 'file' ? sizeBytes : 0]
    }
    case 'names':
      return (await native.names(at)).sort()
    case 'link':
    case 'rename':
      await native[step.method](at, `${root}/${step.to}`)
      break
    case 'unlink':
    case 'makeDirectory':
    case 'removeDirectory':
      await native[step.method](at)
  }
  return 'done'
}

describe('the disk in memory', () => {
  test('gives the outcomes and errno names of the real one, for any sequence of calls', async () => {
    const root = await mkdtemp(join(tmpdir(), 'tidemark-disk-'))
    let run = 0
    try {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 30 }), async (steps) => {
          const real = `${root}/${++run}`
          const disk = new MemoryDisk({ losesPower: true })
          await systemFiles.makeDirectory(real)
          await disk.makeDirectory('/c')
          for (const step of steps) {
            const outcomes: unknown[] = []
            for (const [native, at] of [
              [systemFiles, real],
              [disk, '/c'],
            ] as const)
              outcomes.push(
                await perform(native, at, step).catch((error: unknown) => errnoOf(error)),
              )
            // rename() may say either of a directory that is not empty (POSIX).
            const [expected, found] = outcomes.map((outcome) =>
              outcome === 'EEXIST' && step.method === 'rename' ? 'ENOTEMPTY' : outcome,
            )
            expect(found, JSON.stringify(step)).toEqual(expected)
          }
          expect(disk.openCount).toBe(0)
        }),
        { numRuns: 300 },
      )
    } finally {
      await rm(root, { recursive: true })
    }
  })

  test('a power failure is decided by its seed, and the old disk goes on', async () => {
    const disk = new MemoryDisk({ losesPower: true })
    const written = await disk.openNew('/file')
    await disk.write(written, new Uint8Array(100).fill(1), 0)
    await disk.sync(written)
    await disk.write(written, new Uint8Array(100).fill(2), 100)
    const sizes = new Set<number>()
    let lost = 0
    let zeros = 0
    for (let seed = 0; seed < 200; seed++) {
      const images = [disk.crash(seed), disk.crash(seed)]
      const found = await Promise.all(
        images.map(async (image) => {
          const descriptor = await image.openExisting('/file').catch(() => undefined)
          if (descriptor === undefined) return undefined
          const into = new Uint8Array(300)
          return into.subarray(0, await image.read(descriptor, into, 0))
        }),
      )
      expect(found[0]).toEqual(found[1])
      const bytes = found[0]
      if (bytes === undefined) {
        lost++
        continue
      }
      sizes.add(bytes.length)
      expect(bytes.subarray(0, 100).every((byte) => byte === 1)).toBe(true)
      expect(bytes.length).toBeLessThanOrEqual(200)
      if (bytes.length === 200 && bytes[199] === 0) zeros++
    }
    expect(lost).toBeGreaterThan(50)
    expect(sizes.size).toBeGreaterThan(10)
    expect(zeros).toBeGreaterThan(5)
    expect((await disk.statOpen(written)).sizeBytes).toBe(200)
    await disk.close(written)
  })

  test('of entries changed since the last sync, each reached the disk by itself', async () => {
    const disk = new MemoryDisk({ losesPower: true })
    await disk.makeDirectory('/d')
    const root = await disk.openDirectory('/')
    await disk.sync(root)
    await disk.makeDirectory('/d/old')
    const descriptor = await disk.openDirectory('/d')
    await disk.sync(descriptor)
    await disk.rename('/d/old', '/d/new')
    await disk.makeDirectory('/d/brief')
    await disk.removeDirectory('/d/brief')
    const seen = new Set<string>()
    for (let seed = 0; seed < 100; seed++)
      seen.add((await disk.crash(seed).names('/d')).sort().join())
    expect([...seen].sort()).toEqual(
      ['', 'brief', 'brief,new', 'brief,new,old', 'brief,old', 'new', 'new,old', 'old'].sort(),
    )
    await disk.sync(descriptor)
    for (let seed = 0; seed < 20; seed++)
      expect(await disk.crash(seed).names('/d')).toEqual(['new'])
  })
})
