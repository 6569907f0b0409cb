// The contract of CheckpointFileManager, sentence by sentence (src/files/file-manager.ts). Every backend runs it.
// Long because the contract is: one file, so that it can be read beside the other from top to bottom.

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CheckpointFileManager, Durability } from '../files/file-manager.ts'
import { expectRejected } from './rejections.ts'

export interface FileManagerHarness {
  /** On a checkpoint location that does not exist yet. */
  readonly files: CheckpointFileManager
  /** Another manager on the same location, as another process has. */
  another(): Promise<CheckpointFileManager>
  dispose(): Promise<void>
}

export interface FileManagerContractOptions {
  readonly create: () => Promise<FileManagerHarness>
  /** File names that this storage cannot have, with the reason: of those that the suite makes. They are then to be INVALID_OPTIONS. */
  readonly impossibleNames?: Readonly<Record<string, string>>
  /** Why moveIfAbsent also moves a directory here: the storage cannot tell what the source is in the step that moves it. */
  readonly movesFolders?: string
  /**
   * Storage with neither moves nor folders: what the contract says of those is left out, and files are written by `conditional`, of which
   * conditionalWritesContract is the contract. Default false.
   */
  readonly onlyObjects?: boolean
  /** How long each test and each of its hooks may take, milliseconds: hundreds of small calls, or 15 MiB. Default: Vitest's, 5 s. */
  readonly timeoutMs?: number
}

const CALLERS = 8
/** Two writes that lie further apart than this have different times. */
const TICK_MS = 100

export const ODD_NAMES = [
  'a b',
  ' leading and trailing ',
  '-rf',
  '.hidden',
  '...',
  'Ünïcödé',
  'u\u0308 decomposed',
  '日本語',
  '🌊',
  '%2e%2e',
  '%00',
  'a?op=DELETE&b=c',
  'a#b',
  'a+b',
  'a:b',
  "a'b",
  'a"b',
  'a*b',
  'line\nbreak',
  'CON',
  'trailing.',
  '__proto__',
  'constructor',
  'x'.repeat(255),
  '語'.repeat(85),
]

const BAD_PATHS = [
  '..',
  '.',
  '/',
  '/absolute',
  'trailing/',
  'a//b',
  'a/../b',
  'a/./b',
  '../outside',
  'a\\b',
  'a\0b',
  'x'.repeat(256),
  `dir/${'語'.repeat(86)}`,
]

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

export async function textOf(
  files: CheckpointFileManager,
  path: string,
): Promise<string | undefined> {
  const bytes = await files.read(path)
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes)
}

export async function writeFile(
  files: CheckpointFileManager,
  path: string,
  content: string | Uint8Array,
): Promise<void> {
  const bytes = typeof content === 'string' ? bytesOf(content) : content
  if (files.conditional !== undefined) {
    const upload = await files.conditional.upload(path)
    await upload.write(bytes)
    if ((await upload.complete('absent')) === 'refused') throw new Error(`${path} exists`)
    return
  }
  const writer = await files.createFile(path, 'os')
  if (writer === undefined) throw new Error(`${path}: no parent`)
  await writer.write(bytes)
  await writer.close()
}

/** That a file below a missing folder cannot be made, whenever this storage says so, and that nothing is made. */
export async function expectNoParent(files: CheckpointFileManager, path: string): Promise<void> {
  if (files.capabilities.createsLate === true)
    return expectRejected(
      writeFile(files, path, 'late'),
      {
        code: 'TIDEMARK_STORAGE_UNAVAILABLE',
        path,
      },
      path,
    )
  expect(await files.createFile(path, 'fsync'), path).toBeUndefined()
}

export async function namesIn(files: CheckpointFileManager, directory: string): Promise<string[]> {
  return ((await files.list(directory)) ?? []).map((entry) => entry.name).sort()
}

/** The options of a `describe` whose tests may take that long. */
export function timeoutOf(timeoutMs: number | undefined): { timeout?: number } {
  return timeoutMs === undefined ? {} : { timeout: timeoutMs }
}

function times<T>(count: number, make: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => make(index)))
}

export function fileManagerContract(name: string, options: FileManagerContractOptions): void {
  const { onlyObjects = false, timeoutMs } = options
  const impossible = new Map(Object.entries(options.impossibleNames ?? {}))
  /** A part of the contract that is about folders or moves. */
  const testOfFolders = onlyObjects ? () => undefined : test
  const describeFolders = onlyObjects ? () => undefined : describe
  const describeMoves = (call: string, tests: (durability: Durability) => void): void => {
    for (const durability of ['os', 'fsync'] as const)
      describeFolders(`${call} (${durability})`, () => tests(durability))
  }

  describe(`${name} keeps the file manager contract`, timeoutOf(timeoutMs), () => {
    let harness: FileManagerHarness
    let files: CheckpointFileManager

    beforeEach(async () => {
      harness = await options.create()
      files = harness.files
    }, timeoutMs)
    afterEach(() => harness.dispose(), timeoutMs)

    test('moves and conditional writes exclude each other, and the suite knows which there are', () => {
      expect(files.location).not.toBe('')
      expect(files.capabilities.name).not.toBe('')
      expect(files.conditional !== undefined, 'onlyObjects').toBe(onlyObjects)
      expect(files.capabilities.atomicMove, 'atomicMove').toBe(!onlyObjects)
    })

    /** What readers find from now on until `ending` has ended, and once more afterwards. */
    async function readDuring(
      ending: Promise<unknown>,
      path: string,
    ): Promise<(Uint8Array | undefined)[]> {
      let ended = false
      void ending.finally(() => (ended = true)).catch(() => undefined)
      const found: (Uint8Array | undefined)[] = []
      await times(4, async () => {
        for (let isLast = false; !isLast;) {
          isLast = ended
          found.push(await files.read(path))
          // A storage in memory needs its turn as well.
          await new Promise(setImmediate)
        }
      })
      return found
    }

    describeFolders('a location that does not exist yet', () => {
      test('reads as empty and is made by makeDirectories alone', async () => {
        expect(await files.stat('a')).toBeUndefined()
        expect(await files.list('')).toBeUndefined()
        expect(await files.list('a')).toBeUndefined()
        expect(await files.read('a')).toBeUndefined()
        expect(await files.deleteFile('a')).toBe(false)
        await files.deleteTree('a')
        await files.syncDirectory('a')
        await expectNoParent(files, 'a')
        expect(await files.createExclusive('a', bytesOf('x'), 'fsync')).toBe('parent-missing')
        expect(await files.makeDirectory('a', 'fsync')).toBe('parent-missing')
        expect(await files.list('')).toBeUndefined()
        await files.makeDirectories('', 'fsync')
        expect(await files.list('')).toEqual([])
      })
    })

    describe('paths', () => {
      const calls: Record<string, (path: string) => Promise<unknown>> = {
        stat: (path) => files.stat(path),
        list: (path) => files.list(path),
        read: (path) => files.read(path),
        createExclusive: (path) => files.createExclusive(path, bytesOf('x'), 'os'),
        createFile: (path) => files.createFile(path, 'os'),
        'moveIfAbsent from': (path) => files.moveIfAbsent(path, 'dir/target', 'os'),
        'moveIfAbsent to': (path) => files.moveIfAbsent('dir/source', path, 'os'),
        'moveReplacing from': (path) => files.moveReplacing(path, 'dir/target', 'os'),
        'moveReplacing to': (path) => files.moveReplacing('dir/source', path, 'os'),
        deleteFile: (path) => files.deleteFile(path),
        deleteTree: (path) => files.deleteTree(path),
        'moveDirectory from': (path) => files.moveDirectory(path, 'other'),
        'moveDirectory to': (path) => files.moveDirectory('dir', path),
        makeDirectory: (path) => files.makeDirectory(path, 'os'),
        makeLabelledDirectory: (path) =>
          files.makeLabelledDirectory?.(path, 'label', 'os') ?? files.makeDirectory(path, 'os'),
        makeDirectories: (path) => files.makeDirectories(path, 'os'),
        syncDirectory: (path) => files.syncDirectory(path),
      }
      for (const [method, call] of Object.entries(calls)) {
        test(`${method} refuses a path that could leave the location, and changes nothing`, async () => {
          await files.makeDirectories('dir', 'os')
          await writeFile(files, 'dir/source', 'source')
          for (const path of BAD_PATHS)
            await expect(call(path), JSON.stringify(path)).rejects.toBeInstanceOf(RangeError)
          expect(await namesIn(files, '')).toEqual(['dir'])
          expect(await namesIn(files, 'dir')).toEqual(['source'])
        })
      }

      for (const odd of ODD_NAMES) {
        const reason = impossible.get(odd)
        const name = JSON.stringify(odd.slice(0, 20))
        if (reason !== undefined) {
          test(`${name} is refused, as a name that cannot be: ${reason}`, async () => {
            await files.makeDirectories('dirs', 'os')
            const refused = { code: 'TIDEMARK_INVALID_OPTIONS' } as const
            await expectRejected(files.makeDirectories(`dirs/${odd}`, 'os'), refused)
            await expectRejected(writeFile(files, `dirs/${odd}`, odd), refused)
            expect(await namesIn(files, 'dirs')).toEqual([])
          })
          continue
        }
        test(`${name} is a name like any other`, async () => {
          await files.makeDirectories(`dirs/${odd}`, 'os')
          if (onlyObjects) await writeFile(files, `dirs/${odd}/${odd}`, odd)
          else {
            await writeFile(files, `dirs/${odd}/staged`, odd)
            expect(await files.moveIfAbsent(`dirs/${odd}/staged`, `dirs/${odd}/${odd}`, 'os')).toBe(
              'moved',
            )
          }
          expect(await namesIn(files, 'dirs')).toEqual([odd])
          expect(await namesIn(files, `dirs/${odd}`)).toEqual([odd])
          expect(await textOf(files, `dirs/${odd}/${odd}`)).toBe(odd)
          expect((await files.stat(`dirs/${odd}/${odd}`))?.name).toBe(odd)
          expect(await files.deleteFile(`dirs/${odd}/${odd}`)).toBe(true)
          if (!onlyObjects) expect(await files.moveDirectory(`dirs/${odd}`, 'moved')).toBe('moved')
          expect(await namesIn(files, 'dirs')).toEqual([])
        })
      }
    })

    describe('stat', () => {
      test('tells files from directories, and their size', async () => {
        await files.makeDirectories('dir', 'os')
        await writeFile(files, 'dir/file', '12345')
        const file = await files.stat('dir/file')
        expect(file).toMatchObject({ name: 'file', type: 'file', sizeBytes: 5 })
        expect(file?.modifiedMs).toEqual(expect.any(Number))
        expect(await files.stat('dir')).toMatchObject({ name: 'dir', type: 'directory' })
      })

      test('says what list says', async () => {
        await files.makeDirectories('dir/sub', 'os')
        await writeFile(files, 'dir/sub/file', 'x')
        await writeFile(files, 'dir/file', '12345')
        const listed = (await files.list('dir')) ?? []
        expect(listed.map((entry) => entry.name).sort()).toEqual(['file', 'sub'])
        for (const { name, type, sizeBytes, modifiedMs, revision } of listed) {
          const found = await files.stat(`dir/${name}`)
          expect([found?.name, found?.type, found?.revision]).toEqual([name, type, revision])
          if (type !== 'file') continue
          expect(found?.sizeBytes).toBe(sizeBytes)
          if (onlyObjects) expect(revision).toEqual(expect.any(String))
          // Where a revision tells the content, the time is for people.
          if (revision === undefined) expect(found?.modifiedMs).toBe(modifiedMs)
        }
      })

      test('a file written anew has another time or another revision, whatever its size', async () => {
        const seen = new Set<string>()
        for (const content of ['abc', 'abd', 'abe']) {
          await files.makeDirectories('dir', 'os')
          await files.deleteFile('dir/file')
          await writeFile(files, 'dir/file', content)
          const entry = (await files.list('dir'))?.find((listed) => listed.name === 'file')
          seen.add(`${entry?.modifiedMs} ${entry?.revision}`)
          await new Promise((resolve) => setTimeout(resolve, TICK_MS))
        }
        expect([...seen]).toHaveLength(3)
      })

      test('absent and below a file are undefined', async () => {
        await files.makeDirectories('dir', 'os')
        await writeFile(files, 'dir/file', 'x')
        expect(await files.stat('dir/absent')).toBeUndefined()
        expect(await files.stat('absent/absent')).toBeUndefined()
        expect(await files.stat('dir/file/below')).toBeUndefined()
      })
    })

    describe('list', () => {
      test('an absent directory and a file are undefined, an empty directory is empty', async () => {
        await files.makeDirectories('dir', 'os')
        await writeFile(files, 'file', 'x')
        expect(await files.list('absent')).toBeUndefined()
        expect(await files.list('file')).toBeUndefined()
        expect(await files.list('file/below')).toBeUndefined()
        expect(await files.list('dir')).toEqual(onlyObjects ? undefined : [])
      })

      test('every entry is there once, with type and size, of any number of them', async () => {
        await files.makeDirectories('dir/sub/below', 'os')
        await writeFile(files, 'dir/sub/below/file', 'x')
        const count = 250
        for (let index = 0; index < count; index++)
          await writeFile(files, `dir/${index}`, 'x'.repeat(index % 7))
        const entries = (await files.list('dir')) ?? []
        expect(entries).toHaveLength(count + 1)
        expect(new Set(entries.map((entry) => entry.name)).size).toBe(count + 1)
        for (const { name, type, sizeBytes } of entries) {
          if (name === 'sub') expect(type).toBe('directory')
          else expect([type, sizeBytes]).toEqual(['file', Number(name) % 7])
        }
      })

      test('behind a name: everything that sorts behind it is shown, whatever is left out', async () => {
        const isPossible = (each: string): boolean => !impossible.has(each)
        const names = ['00', '01', '010', '1', 'A', 'a', 'b', 'b.c', 'é', '\u{1f600}'].filter(
          isPossible,
        )
        await files.makeDirectories('dir/b-folder', 'os')
        for (const name of [...names, 'b-folder/file']) await writeFile(files, `dir/${name}`, name)
        const inOrder = [...names, 'b-folder'].sort((a, b) =>
          Buffer.compare(Buffer.from(a), Buffer.from(b)),
        )
        for (const after of [...inOrder, ...['0', 'aa', 'b.', '\u{1f601}'].filter(isPossible)]) {
          const listed = ((await files.list('dir', after)) ?? []).map(({ name }) => name)
          const behind = inOrder.filter(
            (name) => Buffer.compare(Buffer.from(name), Buffer.from(after)) > 0,
          )
          expect(listed, after).toEqual(expect.arrayContaining(behind))
          expect(new Set(listed).size, after).toBe(listed.length)
        }
      })

      test('files deleted meanwhile do no harm', async () => {
        await files.makeDirectories('dir', 'os')
        const all = Array.from({ length: 60 }, (_, index) => `file-${index}`)
        for (const name of all) await writeFile(files, `dir/${name}`, name)
        const removing = all.filter((_, index) => index % 2 === 0)
        const [, ...listings] = await Promise.all([
          Promise.all(removing.map((name) => files.deleteFile(`dir/${name}`))),
          ...Array.from({ length: 10 }, () => files.list('dir')),
        ])
        for (const entries of listings) {
          const names = (entries ?? []).map((entry) => entry.name)
          expect(names).toEqual(expect.arrayContaining(all.filter((_, index) => index % 2 === 1)))
          expect(all).toEqual(expect.arrayContaining(names))
        }
      })
    })

    describe('read', () => {
      test('absent and below a file are undefined, an empty file is empty', async () => {
        await files.makeDirectories('dir', 'os')
        await writeFile(files, 'dir/empty', '')
        expect(await files.read('dir/absent')).toBeUndefined()
        expect(await files.read('absent/absent')).toBeUndefined()
        expect(await files.read('dir/empty/below')).toBeUndefined()
        expect(await files.read('dir/empty')).toEqual(new Uint8Array(0))
        expect(await files.read('dir/empty', { offset: 0, length: 10 })).toEqual(new Uint8Array(0))
      })

      testOfFolders('a directory is not a file', async () => {
        await files.makeDirectories('dir', 'os')
        await expectRejected(files.read('dir'), {
          code: 'TIDEMARK_CORRUPT_FILE',
          path: 'dir',
        })
      })

      test('a range is what lies in it, cut at the end of the file', async () => {
        await files.makeDirectories('', 'os')
        const content = Uint8Array.from({ length: 100 }, (_, index) => index)
        await writeFile(files, 'file', content)
        for (const [offset, length] of [
          [0, 0],
          [0, 1],
          [0, 100],
          [0, 101],
          [99, 1],
          [99, 5],
          [100, 1],
          [101, 1],
          [50, undefined],
          [undefined, 50],
          [2 ** 40, 2 ** 40],
          [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
        ]) {
          const range = {
            ...(offset !== undefined && { offset }),
            ...(length !== undefined && { length }),
          }
          const start = offset ?? 0
          expect(await files.read('file', range), JSON.stringify(range)).toEqual(
            content.slice(start, length === undefined ? undefined : start + length),
          )
        }
      })

      test('a range that is no range is a RangeError', async () => {
        await files.makeDirectories('', 'os')
        await writeFile(files, 'file', 'x')
        for (const range of [{ offset: -1 }, { length: -1 }, { offset: 0.5 }, { length: NaN }])
          await expect(files.read('file', range), JSON.stringify(range)).rejects.toBeInstanceOf(
            RangeError,
          )
      })

      test('a file of more than 4 MiB, written in uneven chunks, reads back the same', async () => {
        await files.makeDirectories('', 'os')
        const content = new Uint8Array(5 * 1024 * 1024 + 123)
        for (let index = 0; index < content.length; index += 97) content[index] = index % 251
        const writer =
          (await files.conditional?.upload('large')) ?? (await files.createFile('large', 'os'))!
        for (let start = 0; start < content.length; start += 999_983)
          await writer.write(content.subarray(start, start + 999_983))
        await ('close' in writer ? writer.close() : writer.complete('absent'))
        const read = await files.read('large')
        expect(read?.length).toBe(content.length)
        expect(Buffer.compare(read ?? new Uint8Array(), content)).toBe(0)
        const offset = 4 * 1024 * 1024 - 1
        const middle = await files.read('large', { offset, length: 1000 })
        expect(middle).toEqual(content.slice(offset, offset + 1000))
      })

      test('at a revision: what is not there any more at it is absent', async () => {
        await files.makeDirectories('', 'os')
        await writeFile(files, 'file', 'abc')
        const revision = (await files.stat('file'))?.revision
        if (revision === undefined) return // Not told here.
        const [listed] = (await files.list('')) ?? []
        expect(listed.revision).toBe(revision)
        const range = { offset: 1, length: 1 }
        expect(await files.read('file', {}, undefined, revision)).toEqual(bytesOf('abc'))
        expect(await files.read('file', range, undefined, revision)).toEqual(bytesOf('b'))
        expect(await files.read('file', { length: 0 }, undefined, revision)).toEqual(bytesOf(''))
        await files.deleteFile('file')
        await writeFile(files, 'file', 'abd')
        expect((await files.stat('file'))?.revision).not.toBe(revision)
        for (const some of [{}, range, { length: 0 }, { offset: 100 }])
          expect(await files.read('file', some, undefined, revision)).toBeUndefined()
      })

      test('the bytes belong to the caller', async () => {
        await files.makeDirectories('', 'os')
        await writeFile(files, 'file', 'abc')
        ;(await files.read('file'))?.fill(0)
        expect(await textOf(files, 'file')).toBe('abc')
      })

      test('an aborted signal ends it with its reason', async () => {
        await files.makeDirectories('', 'os')
        await writeFile(files, 'file', 'abc')
        const reason = new Error('enough')
        await expect(files.read('file', {}, AbortSignal.abort(reason))).rejects.toBe(reason)
      })
    })

    describe('createExclusive', () => {
      test('creates, and leaves alone what exists', async () => {
        await files.makeDirectories('dir/sub', 'os')
        expect(await files.createExclusive('dir/file', bytesOf('one'), 'fsync')).toBe('created')
        expect(await files.createExclusive('dir/file', bytesOf('two'), 'fsync')).toBe('exists')
        if (!onlyObjects)
          expect(await files.createExclusive('dir/sub', bytesOf('two'), 'os')).toBe('exists')
        expect(await files.createExclusive('dir/empty', bytesOf(''), 'os')).toBe('created')
        expect(await textOf(files, 'dir/file')).toBe('one')
        expect(await textOf(files, 'dir/empty')).toBe('')
      })

      testOfFolders('never makes a parent', async () => {
        await files.makeDirectories('dir', 'os')
        for (const durability of ['os', 'fsync'] as const)
          expect(await files.createExclusive('dir/a/b', bytesOf('x'), durability)).toBe(
            'parent-missing',
          )
        expect(await namesIn(files, 'dir')).toEqual([])
      })

      test('of callers at once exactly one creates, and it is its content that stays', async () => {
        await files.makeDirectories('dir', 'os')
        const managers = await times(CALLERS, () => harness.another())
        for (let round = 0; round < 10; round++) {
          const outcomes = await times(CALLERS, (index) =>
            managers[index].createExclusive(`dir/${round}`, bytesOf(`by ${index}`), 'os'),
          )
          expect(outcomes.filter((outcome) => outcome === 'created')).toHaveLength(1)
          expect(outcomes.filter((outcome) => outcome === 'exists')).toHaveLength(CALLERS - 1)
          expect(await textOf(files, `dir/${round}`)).toBe(`by ${outcomes.indexOf('created')}`)
        }
      })
    })

    describeFolders('createFile', () => {
      test('never makes a parent', async () => {
        await files.makeDirectories('dir', 'os')
        await expectNoParent(files, 'dir/a/b')
        expect(await namesIn(files, 'dir')).toEqual([])
      })

      test('an existing file is a bug of the caller, and stays as it was', async () => {
        await files.makeDirectories('dir', 'os')
        await writeFile(files, 'dir/file', 'one')
        const second = files.capabilities.createsLate
          ? writeFile(files, 'dir/file', 'two')
          : files.createFile('dir/file', 'os')
        await expectRejected(second, { code: 'TIDEMARK_INVARIANT_VIOLATED' })
        expect(await textOf(files, 'dir/file')).toBe('one')
      })

      test('chunks follow each other, and unless answers are lost their buffers are free once written', async () => {
        await files.makeDirectories('', 'os')
        const writer = await files.createFile('file', 'fsync')
        const isFree = files.capabilities.losesAnswers !== true
        // Of a Buffer, slice() makes no copy.
        const reused = Buffer.alloc(1000)
        for (let index = 0; index < 50; index++) {
          const chunk = isFree ? reused : Buffer.alloc(1000)
          chunk.fill(index)
          await writer?.write(chunk)
          if (isFree) chunk.fill(255)
        }
        await writer?.write(new Uint8Array(0))
        await writer?.close()
        const read = (await files.read('file')) ?? new Uint8Array()
        expect(read.length).toBe(50_000)
        expect(read.every((byte, index) => byte === Math.floor(index / 1000))).toBe(true)
      })

      test('abort deletes the file, at any time and as often as you like', async () => {
        await files.makeDirectories('dir', 'os')
        const unwritten = await files.createFile('dir/a', 'os')
        const written = await files.createFile('dir/b', 'os')
        await written?.write(bytesOf('x'))
        const closed = await files.createFile('dir/c', 'os')
        await closed?.close()
        for (const writer of [unwritten, written, closed]) {
          await writer?.abort()
          await writer?.abort()
        }
        expect(await namesIn(files, 'dir')).toEqual([])
      })

      test('a closed or aborted writer takes no more', async () => {
        await files.makeDirectories('dir', 'os')
        const closed = await files.createFile('dir/a', 'os')
        await closed?.close()
        const aborted = await files.createFile('dir/b', 'os')
        await aborted?.abort()
        for (const writer of [closed, aborted]) {
          const bug = { code: 'TIDEMARK_INVARIANT_VIOLATED' } as const
          await expectRejected(writer!.write(bytesOf('x')), bug)
          await expectRejected(writer!.close(), bug)
        }
        expect(await textOf(files, 'dir/a')).toBe('')
      })
    })

    describeMoves('moveIfAbsent', (durability) => {
      beforeEach(async () => {
        await files.makeDirectories('from', 'os')
        await files.makeDirectories('to', 'os')
        await writeFile(files, 'from/source', 'new')
      })

      test('moves the file to another folder', async () => {
        expect(await files.moveIfAbsent('from/source', 'to/target', durability)).toBe('moved')
        expect(await textOf(files, 'to/target')).toBe('new')
        expect(await namesIn(files, 'from')).toEqual([])
      })

      test('leaves both as they are where the target exists, be it file or directory', async () => {
        await writeFile(files, 'to/target', 'old')
        await files.makeDirectories('to/folder', 'os')
        expect(await files.moveIfAbsent('from/source', 'to/target', durability)).toBe('exists')
        expect(await files.moveIfAbsent('from/source', 'to/folder', durability)).toBe('exists')
        expect(await textOf(files, 'to/target')).toBe('old')
        expect(await textOf(files, 'from/source')).toBe('new')
        expect(await files.list('to/folder')).toEqual([])
      })

      test('says which end is missing, and makes nothing', async () => {
        expect(await files.moveIfAbsent('from/absent', 'to/target', durability)).toBe(
          'source-missing',
        )
        expect(await files.moveIfAbsent('absent/source', 'to/target', durability)).toBe(
          'source-missing',
        )
        expect(await files.moveIfAbsent('from/source', 'absent/target', durability)).toBe(
          'parent-missing',
        )
        expect(['source-missing', 'parent-missing']).toContain(
          await files.moveIfAbsent('absent/source', 'absent/target', durability),
        )
        expect(await namesIn(files, '')).toEqual(['from', 'to'])
        expect(await namesIn(files, 'to')).toEqual([])
        expect(await namesIn(files, 'from')).toEqual(['source'])
      })

      const { movesFolders } = options
      const what = movesFolders === undefined ? 'is not moved' : `is moved: ${movesFolders}`
      test(`a directory ${what}`, async () => {
        await files.makeDirectories('from/folder', 'os')
        if (movesFolders !== undefined) {
          expect(await files.moveIfAbsent('from/folder', 'to/target', durability)).toBe('moved')
          expect(await files.list('to/target')).toEqual([])
          return
        }
        await expectRejected(files.moveIfAbsent('from/folder', 'to/target', durability), {
          code: 'TIDEMARK_CORRUPT_FILE',
        })
        expect(await namesIn(files, 'to')).toEqual([])
      })

      test('readers see nothing, or the whole file', async () => {
        const size = 100_000
        for (let round = 0; round < 5; round++) {
          await writeFile(files, `from/${round}`, new Uint8Array(size).fill(round + 1))
          const moving = files.moveIfAbsent(`from/${round}`, `to/${round}`, durability)
          for (const read of await readDuring(moving, `to/${round}`)) {
            if (read === undefined) continue
            expect(read.length).toBe(size)
            expect(read.every((byte) => byte === round + 1)).toBe(true)
          }
          expect(await moving).toBe('moved')
        }
      })

      test('of callers at once exactly one moves, the others keep their file', async () => {
        const managers = await times(CALLERS, () => harness.another())
        for (let round = 0; round < 5; round++) {
          await times(CALLERS, (index) => writeFile(files, `from/${round}-${index}`, `by ${index}`))
          const outcomes = await times(CALLERS, (index) =>
            managers[index].moveIfAbsent(`from/${round}-${index}`, `to/${round}`, durability),
          )
          expect(outcomes.filter((outcome) => outcome === 'moved')).toHaveLength(1)
          expect(outcomes.filter((outcome) => outcome === 'exists')).toHaveLength(CALLERS - 1)
          const winner = outcomes.indexOf('moved')
          expect(await textOf(files, `to/${round}`)).toBe(`by ${winner}`)
          for (let index = 0; index < CALLERS; index++)
            expect(await textOf(files, `from/${round}-${index}`)).toBe(
              index === winner ? undefined : `by ${index}`,
            )
        }
      })
    })

    describeFolders('the name of a source', () => {
      beforeEach(async () => {
        await files.makeDirectories('from', 'os')
        await files.makeDirectories('to', 'os')
      }, timeoutMs)

      for (const durability of ['os', 'fsync'] as const) {
        test(`moveReplacing (${durability}): it has one name at any moment, so exactly one moves it`, async () => {
          const managers = await times(CALLERS, () => harness.another())
          for (let round = 0; round < 10; round++) {
            await writeFile(files, 'from/source', `round ${round}`)
            await times(CALLERS, (index) => writeFile(files, `to/${round}-${index}`, 'old'))
            const outcomes = await times(CALLERS, (index) =>
              managers[index].moveReplacing('from/source', `to/${round}-${index}`, durability),
            )
            expect(outcomes.filter((outcome) => outcome === 'moved')).toHaveLength(1)
            expect(outcomes.filter((outcome) => outcome === 'source-missing')).toHaveLength(
              CALLERS - 1,
            )
            for (const [index, outcome] of outcomes.entries())
              expect(await textOf(files, `to/${round}-${index}`)).toBe(
                outcome === 'moved' ? `round ${round}` : 'old',
              )
            expect(await namesIn(files, 'from')).toEqual([])
          }
        })

        test(`moveReplacing (${durability}): a file put over its source meanwhile is not lost`, async () => {
          const other = await harness.another()
          for (let round = 0; round < 20; round++) {
            await writeFile(files, 'from/source', 'old')
            await writeFile(files, 'from/next', 'new')
            const replace = async (): Promise<string> => {
              for (let turn = 0; turn < round % 5; turn++) await files.stat('from')
              return files.moveReplacing('from/next', 'from/source', durability)
            }
            const outcomes = await Promise.all([
              other.moveReplacing('from/source', `to/${round}`, durability),
              replace(),
            ])
            expect(outcomes).toEqual(['moved', 'moved'])
            const moved = await textOf(files, `to/${round}`)
            const left = await textOf(files, 'from/source')
            // Moved, then put there anew; or put there, then moved.
            expect(['old new', 'new undefined']).toContain(`${moved} ${left}`)
            await files.deleteFile('from/source')
          }
        })

        test(`moveIfAbsent (${durability}): once it has moved, its name is gone`, async () => {
          const managers = await times(CALLERS, () => harness.another())
          for (let round = 0; round < 10; round++) {
            await writeFile(files, 'from/source', `round ${round}`)
            const outcomes = await times(CALLERS, async (index) => {
              const target = `to/${round}-${index}`
              const outcome = await managers[index].moveIfAbsent('from/source', target, durability)
              if (outcome === 'moved')
                expect(await managers[index].stat('from/source')).toBeUndefined()
              return outcome
            })
            expect(outcomes).toContain('moved')
            for (const [index, outcome] of outcomes.entries()) {
              expect(['moved', 'source-missing']).toContain(outcome)
              expect(await textOf(files, `to/${round}-${index}`)).toBe(
                outcome === 'moved' ? `round ${round}` : undefined,
              )
            }
          }
        })
      }
    })

    describeMoves('moveReplacing', (durability) => {
      beforeEach(async () => {
        await files.makeDirectories('from', 'os')
        await files.makeDirectories('to', 'os')
        await writeFile(files, 'from/source', 'new')
      })

      test('moves over a file, or to where none is', async () => {
        await writeFile(files, 'to/target', 'old')
        await writeFile(files, 'from/second', 'second')
        expect(await files.moveReplacing('from/source', 'to/target', durability)).toBe('moved')
        expect(await files.moveReplacing('from/second', 'to/other', durability)).toBe('moved')
        expect(await textOf(files, 'to/target')).toBe('new')
        expect(await textOf(files, 'to/other')).toBe('second')
        expect(await namesIn(files, 'from')).toEqual([])
      })

      test('says which end is missing, and touches nothing', async () => {
        await writeFile(files, 'to/target', 'old')
        expect(await files.moveReplacing('from/absent', 'to/target', durability)).toBe(
          'source-missing',
        )
        expect(await files.moveReplacing('absent/source', 'to/target', durability)).toBe(
          'source-missing',
        )
        expect(await files.moveReplacing('from/source', 'absent/target', durability)).toBe(
          'parent-missing',
        )
        expect(await textOf(files, 'to/target')).toBe('old')
        expect(await textOf(files, 'from/source')).toBe('new')
        expect(await namesIn(files, '')).toEqual(['from', 'to'])
      })

      test('a directory is neither moved nor replaced', async () => {
        await files.makeDirectories('to/folder', 'os')
        const corrupt = { code: 'TIDEMARK_CORRUPT_FILE' } as const
        await expectRejected(files.moveReplacing('from/source', 'to/folder', durability), {
          ...corrupt,
          path: 'to/folder',
        })
        await expectRejected(files.moveReplacing('to/folder', 'from/target', durability), {
          ...corrupt,
          path: 'to/folder',
        })
        expect(await files.list('to/folder')).toEqual([])
        expect(await textOf(files, 'from/source')).toBe('new')
      })

      test('readers see one file or the other, whole, and every caller succeeds', async () => {
        const size = 100_000
        await writeFile(files, 'to/target', new Uint8Array(size).fill(99))
        await times(CALLERS, (index) =>
          writeFile(files, `from/${index}`, new Uint8Array(size).fill(index)),
        )
        const moving = times(CALLERS, (index) =>
          files.moveReplacing(`from/${index}`, 'to/target', durability),
        )
        const reads = await readDuring(moving, 'to/target')
        expect(await moving).toEqual(Array.from({ length: CALLERS }, () => 'moved'))
        for (const read of reads) {
          expect(read?.length).toBe(size)
          expect(read?.every((byte) => byte === read[0])).toBe(true)
        }
        expect(await namesIn(files, 'from')).toEqual(['source'])
      })
    })

    describe('deleteFile', () => {
      test('says whether there was one', async () => {
        await files.makeDirectories('dir', 'os')
        await writeFile(files, 'dir/file', 'x')
        expect(await files.deleteFile('dir/file')).toBe(true)
        expect(await files.deleteFile('dir/file')).toBe(false)
        expect(await files.deleteFile('absent/file')).toBe(false)
      })

      testOfFolders('a directory is a bug of the caller, and stays', async () => {
        await files.makeDirectories('dir/sub', 'os')
        await expectRejected(files.deleteFile('dir'), {
          code: 'TIDEMARK_INVARIANT_VIOLATED',
        })
        expect(await namesIn(files, 'dir')).toEqual(['sub'])
      })
    })

    describe('deleteTree', () => {
      test('deletes all below, and nothing beside', async () => {
        await files.makeDirectories('a/b/c', 'os')
        await files.makeDirectories('ab', 'os')
        for (const path of ['a/1', 'a/b/2', 'a/b/c/3', 'ab/4']) await writeFile(files, path, path)
        await files.deleteTree('a')
        await files.deleteTree('a')
        expect(await namesIn(files, '')).toEqual(['ab'])
        expect(await textOf(files, 'ab/4')).toBe('ab/4')
      })

      test('callers at once and new files appearing do not make it fail', async () => {
        for (let round = 0; round < 5; round++) {
          await files.makeDirectories('a/b', 'os')
          await times(10, (index) => writeFile(files, `a/b/${index}`, 'x'))
          const late = times(10, (index) =>
            files.createExclusive(`a/b/late-${index}`, bytesOf('x'), 'os'),
          )
          await times(CALLERS, () => files.deleteTree('a'))
          await late
          await files.deleteTree('a')
          expect(await files.stat('a')).toBeUndefined()
        }
      })
    })

    describeFolders('moveDirectory', () => {
      test('moves all below; an absent source is told', async () => {
        await files.makeDirectories('a/b', 'os')
        await writeFile(files, 'a/b/file', 'x')
        expect(await files.moveDirectory('a', 'c')).toBe('moved')
        expect(await files.moveDirectory('a', 'd')).toBe('source-missing')
        expect(await files.moveDirectory('x/y', 'd')).toBe('source-missing')
        expect(await textOf(files, 'c/b/file')).toBe('x')
        expect(await namesIn(files, '')).toEqual(['c'])
      })

      test('an existing target is a bug of the caller', async () => {
        await files.makeDirectories('a', 'os')
        await files.makeDirectories('b', 'os')
        await expectRejected(files.moveDirectory('a', 'b'), {
          code: 'TIDEMARK_INVARIANT_VIOLATED',
        })
        expect(await namesIn(files, '')).toEqual(['a', 'b'])
      })

      test('of callers at once exactly one moves', async () => {
        const managers = await times(CALLERS, () => harness.another())
        for (let round = 0; round < 5; round++) {
          await files.makeDirectories(`a${round}`, 'os')
          await writeFile(files, `a${round}/file`, 'x')
          const outcomes = await times(CALLERS, (index) =>
            managers[index].moveDirectory(`a${round}`, `to-${round}-${index}`),
          )
          expect(outcomes.filter((outcome) => outcome === 'moved')).toHaveLength(1)
          expect(outcomes.filter((outcome) => outcome === 'source-missing')).toHaveLength(
            CALLERS - 1,
          )
          expect(await textOf(files, `to-${round}-${outcomes.indexOf('moved')}/file`)).toBe('x')
        }
      })

      test('takes its place away from whoever was using it, also from another manager', async () => {
        const other = await harness.another()
        await files.makeDirectories('staging/1', 'os')
        await files.makeDirectories('store', 'os')
        await writeFile(other, 'staging/1/ready', 'ready')
        expect(await files.moveDirectory('staging/1', 'staging/fenced')).toBe('moved')
        await expectNoParent(other, 'staging/1/late')
        expect(await other.createExclusive('staging/1/late', bytesOf('x'), 'fsync')).toBe(
          'parent-missing',
        )
        expect(await other.moveIfAbsent('staging/1/ready', 'store/1', 'fsync')).toBe(
          'source-missing',
        )
        expect(await other.moveReplacing('staging/1/ready', 'store/1', 'os')).toBe('source-missing')
        await writeFile(files, 'store/kept', 'kept')
        expect(await other.moveReplacing('store/kept', 'staging/1/trash', 'os')).toBe(
          'parent-missing',
        )
        expect(await namesIn(files, 'store')).toEqual(['kept'])
        expect(await namesIn(files, 'staging')).toEqual(['fenced'])
      })
    })

    describeFolders('makeDirectory and makeDirectories', () => {
      test('one directory, never its parent', async () => {
        await files.makeDirectories('', 'fsync')
        expect(await files.makeDirectory('a/b', 'fsync')).toBe('parent-missing')
        expect(await files.makeDirectory('a', 'fsync')).toBe('created')
        expect(await files.makeDirectory('a', 'fsync')).toBe('exists')
        expect(await files.makeDirectory('a/b', 'os')).toBe('created')
        expect(await namesIn(files, 'a')).toEqual(['b'])
      })

      test('of callers at once exactly one makes it', async () => {
        await files.makeDirectories('', 'os')
        const outcomes = await times(CALLERS, () => files.makeDirectory('a', 'fsync'))
        expect(outcomes.filter((outcome) => outcome === 'created')).toHaveLength(1)
        expect(outcomes.filter((outcome) => outcome === 'exists')).toHaveLength(CALLERS - 1)
      })

      test('all of them at once, by anybody, again', async () => {
        const managers = await times(CALLERS, () => harness.another())
        await times(CALLERS, (index) => managers[index].makeDirectories('a/b/c/d', 'fsync'))
        await files.makeDirectories('a/b/c/d', 'fsync')
        expect(await files.list('a/b/c/d')).toEqual([])
        await files.deleteTree('a')
        await files.makeDirectories('a/b', 'fsync')
        expect(await files.list('a/b')).toEqual([])
      })

      test('a file in the way is named', async () => {
        await files.makeDirectories('a', 'os')
        await writeFile(files, 'a/file', 'x')
        for (const path of ['a/file', 'a/file/b', 'a/file/b/c'])
          await expectRejected(files.makeDirectories(path, 'fsync'), {
            code: 'TIDEMARK_STORAGE_UNAVAILABLE',
            path: 'a/file',
          })
        expect(await textOf(files, 'a/file')).toBe('x')
      })
    })

    describe('makeLabelledDirectory, where there is one,', () => {
      const make = async (path: string, label: string): Promise<string | undefined> =>
        await files.makeLabelledDirectory?.(path, label, 'fsync')

      test('makes a directory with one in it, never its parent, and leaves alone what exists', async () => {
        if (files.makeLabelledDirectory === undefined) return
        await expectNoParent(files, 'a')
        expect(await make('a', 'label')).toBe('parent-missing')
        expect(await files.list('')).toBeUndefined()
        await files.makeDirectories('empty', 'os')
        await writeFile(files, 'file', 'x')
        expect(await make('a/b', 'label')).toBe('parent-missing')
        expect(await make('a', 'label')).toBe('created')
        for (const path of ['a', 'empty', 'file']) expect(await make(path, 'other')).toBe('exists')
        expect(await namesIn(files, '')).toEqual(['a', 'empty', 'file'])
        expect(await namesIn(files, 'a')).toEqual(['label'])
        expect(await namesIn(files, 'empty')).toEqual([])
        for (const label of ['', '..', 'a/b'])
          await expect(make('c', label)).rejects.toBeInstanceOf(RangeError)
      })

      test('of callers at once exactly one makes it, and it is its label that is there', async () => {
        if (files.makeLabelledDirectory === undefined) return
        await files.makeDirectories('', 'os')
        const outcomes = await times(CALLERS, (index) => make('a', `label-${index}`))
        expect(outcomes.filter((outcome) => outcome === 'created')).toHaveLength(1)
        expect(outcomes.filter((outcome) => outcome === 'exists')).toHaveLength(CALLERS - 1)
        expect(await namesIn(files, 'a')).toEqual([`label-${outcomes.indexOf('created')}`])
        expect(await namesIn(files, '')).toEqual(['a'])
      })
    })

    describeFolders('probeMove', () => {
      test('leaves no trace, and absent folders are nothing to it', async () => {
        await files.makeDirectories('from', 'os')
        await files.makeDirectories('to', 'os')
        await files.probeMove?.('from', 'to')
        await files.probeMove?.('absent', 'to')
        await files.probeMove?.('from', 'absent')
        expect(await namesIn(files, 'from')).toEqual([])
        expect(await namesIn(files, 'to')).toEqual([])
        expect(await namesIn(files, '')).toEqual(['from', 'to'])
      })
    })
  })
}
