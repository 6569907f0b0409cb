import { describe, expect, test } from 'vitest'
import { StateStores } from '../../../src/coordinator/state-stores.ts'
import { MemoryFileManager } from '../../../src/files/memory.ts'
import {
  DEFAULT_OPTIONS,
  resolveOptions,
  type StateStoreOptions,
} from '../../../src/store/options.ts'
import { failure, ID, openProvider } from '../../../src/testing/stores.ts'

const refuse = (options: unknown) =>
  failure('TIDEMARK_INVALID_OPTIONS', () => resolveOptions(options as StateStoreOptions))

test("the defaults are Spark's where Spark has the option", () => {
  expect(resolveOptions()).toEqual(DEFAULT_OPTIONS)
  expect(resolveOptions({ compression: undefined } as never)).toEqual(DEFAULT_OPTIONS)
  expect(resolveOptions()).toMatchObject({
    compression: 'lz4',
    durability: 'fsync',
    trailer: true,
    checksumFiles: false,
    minDeltasForSnapshot: 10,
    minBatchesToRetain: 100,
    maxBatchesToRetainInMemory: 2,
    maintenanceIntervalMs: 60_000,
    maintenanceSliceMs: 4,
    historicalMapsMax: 2,
  })
})

test('what is resolved is frozen, and not the object that was given', () => {
  const given = { minDeltasForSnapshot: 3 }
  const resolved = resolveOptions(given)
  expect(Object.isFrozen(resolved)).toBe(true)
  given.minDeltasForSnapshot = 4
  expect(resolved.minDeltasForSnapshot).toBe(3)
})

test('an unknown name is refused with the list of those there are', async () => {
  const error = await refuse({ minDeltaForSnapshot: 3 })
  expect(error.message).toContain('Unknown option `minDeltaForSnapshot`')
  expect(error.message).toContain('minDeltasForSnapshot')
  await refuse({ constructor: 1 })
  await refuse({ toString: 1 })
})

test('what cannot be written as text is refused like any other', async () => {
  const bare: unknown = Object.create(null)
  for (const options of [null, 5, 'lz4']) {
    const error = await refuse(options)
    expect(error.message).toContain('Expected the options to be an object, got ')
  }
  await failure('TIDEMARK_INVALID_OPTIONS', () =>
    StateStores.open(new MemoryFileManager(), null as unknown as StateStoreOptions),
  )
  const error = await refuse({ compression: bare })
  expect(error.message).toContain('[Object: null prototype] {}')
  await refuse({ owner: { toString: () => 5n } })
  await using opened = await openProvider()
  const named = (id: object) =>
    failure('TIDEMARK_INVALID_OPTIONS', () => opened.stores.provider({ ...ID, ...id }))
  expect((await named({ storeName: 5n })).message).toContain('got 5n')
  await named({ operatorId: bare })
  await named({ partitionId: Symbol('0') })
})

describe('ranges', () => {
  const ranges: Record<string, { good: unknown[]; bad: unknown[] }> = {
    compression: { good: ['lz4', 'snappy', 'zstd', 'lzf', 'none'], bad: ['gzip', 'LZ4', '', 1] },
    durability: { good: ['fsync', 'os'], bad: ['none', true] },
    trailer: { good: [true, false], bad: ['true', 1, null] },
    checksumFiles: { good: [true, false], bad: ['no'] },
    rowChecksums: { good: [true, false], bad: [0] },
    floorValues: { good: [true, false], bad: [0] },
    minDeltasForSnapshot: { good: [1, 2 ** 53 - 1], bad: [0, -1, 1.5, Number.NaN, '1', 2 ** 53] },
    minBatchesToRetain: { good: [1, 1000], bad: [0, 0.5, Number.POSITIVE_INFINITY] },
    maxBatchesToRetainInMemory: { good: [0, 1], bad: [-1, 0.5] },
    forceSnapshotAtDeltas: { good: [1], bad: [0] },
    maintenanceIntervalMs: { good: [0, 2 ** 31 - 1], bad: [-1, 2 ** 31] },
    maintenanceConcurrency: { good: [1, 64], bad: [0, 65] },
    maintenanceSliceMs: { good: [1, 1000], bad: [0, 1001] },
    historicalMapsMax: { good: [0, 100], bad: [-1] },
    memoryBytesMax: { good: [2 ** 20, 2 ** 35], bad: [2 ** 20 - 1, 2 ** 35 + 1] },
    readOnly: { good: [true, false], bad: ['yes'] },
    owner: { good: ['', 'me'], bad: [1, null] },
    logger: { good: [console], bad: [{}, null, () => undefined, { info: () => undefined }] },
    clock: { good: [DEFAULT_OPTIONS.clock], bad: [{}, { nowMs: () => 0 }] },
  }

  test('are tested here for every option there is', () => {
    expect(Object.keys(ranges).sort()).toEqual(Object.keys(DEFAULT_OPTIONS).sort())
  })

  for (const [name, { good, bad }] of Object.entries(ranges)) {
    test(`of ${name}`, async () => {
      for (const value of good)
        expect(resolveOptions({ [name]: value })).toHaveProperty(name, value)
      for (const value of bad) {
        const error = await refuse({ [name]: value })
        expect(error.message).toContain(`Expected option \`${name}\` to be `)
      }
    })
  }
})
