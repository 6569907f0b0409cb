import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { classifyFiles } from '../../../src/format/file-names.ts'
import { type PlanInput, planMaintenance } from '../../../src/maintenance/plan.ts'

function input(names: readonly string[], fields: Partial<PlanInput> = {}): PlanInput {
  const entries = names.map((name) => ({
    name: name.replace('/', ''),
    type: name.endsWith('/') ? ('directory' as const) : ('file' as const),
    sizeBytes: 100,
    modifiedMs: 0,
  }))
  return {
    files: classifyFiles(entries),
    latest: 0,
    damagedSnapshots: new Set(),
    minDeltasForSnapshot: 10,
    minBatchesToRetain: 100,
    ...fields,
  }
}

const deltas = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, i) => `${first + i}.delta`)

describe('a snapshot', () => {
  test('is not due for one that was damaged in a history that was undone', () => {
    const fields = { latest: 4, damagedSnapshots: new Set([12]) }
    expect(planMaintenance(input(deltas(1, 4), fields)).snapshotVersion).toBeUndefined()
    const within = { latest: 14, damagedSnapshots: new Set([12]), minDeltasForSnapshot: 20 }
    const names = [...deltas(1, 14), '12.snapshot']
    expect(planMaintenance(input(names, within)).snapshotVersion).toBe(14)
    expect(planMaintenance(input(deltas(1, 14), within)).snapshotVersion).toBeUndefined()
  })

  test("is due when more deltas than minDeltasForSnapshot follow the last one, and not at as many: Spark's rule", () => {
    const at = (latest: number) =>
      planMaintenance(input(deltas(1, latest), { latest, minDeltasForSnapshot: 5 }))
    expect(at(0).snapshotVersion).toBeUndefined()
    expect(at(5).snapshotVersion).toBeUndefined()
    expect(at(6).snapshotVersion).toBe(6)
    const after = (latest: number) =>
      planMaintenance(
        input([...deltas(1, latest), '6.snapshot'], { latest, minDeltasForSnapshot: 5 }),
      )
    expect(after(11).snapshotVersion).toBeUndefined()
    expect(after(12).snapshotVersion).toBe(12)
  })

  test('is due at once where a damaged one is newer than the last good one, and does not count', () => {
    const names = [...deltas(1, 8), '3.snapshot', '7.snapshot']
    const damaged = (version: number) =>
      planMaintenance(input(names, { latest: 8, damagedSnapshots: new Set([version]) }))
    expect(damaged(7).snapshotVersion).toBe(8)
    expect(damaged(3).snapshotVersion).toBeUndefined()
  })

  test('is never taken from an orphan above the newest version, nor from a directory of that name', () => {
    const plan = planMaintenance(
      input([...deltas(1, 12), '12.snapshot', '9.snapshot/'], {
        latest: 11,
        minDeltasForSnapshot: 10,
      }),
    )
    expect(plan.snapshotVersion).toBe(11)
  })
})

describe('cleaning', () => {
  test('keeps the base snapshot of the oldest retained version and all after it; sidecars go before their files, snapshots before deltas', () => {
    const plan = planMaintenance(
      input(
        [
          ...deltas(1, 8),
          '3.snapshot',
          '6.snapshot',
          '1.delta.crc',
          '3.snapshot.crc',
          '7.delta.crc',
        ],
        { latest: 8, minBatchesToRetain: 2 },
      ),
    )
    expect(plan.base).toBe(6)
    expect(plan.removals).toEqual([
      '1.delta.crc',
      '1.delta',
      '2.delta',
      '3.snapshot.crc',
      '3.snapshot',
      '3.delta',
      '4.delta',
      '5.delta',
    ])
  })

  test('removes nothing without a snapshot to stand on', () => {
    const plan = planMaintenance(input(deltas(1, 50), { latest: 50, minBatchesToRetain: 1 }))
    expect(plan).toMatchObject({ base: undefined, removals: [] })
  })

  test('leaves what is not ours, and a sidecar whose file is gone goes too', () => {
    const plan = planMaintenance(
      input(['1.delta/', '2.delta.crc', '3.delta', '5.snapshot', '6.delta', 'foo.delta', '.x'], {
        latest: 6,
        minBatchesToRetain: 1,
      }),
    )
    expect(plan.removals).toEqual(['3.delta', '2.delta.crc'])
  })
})

describe('for any listing', () => {
  const listing = fc
    .record({
      latest: fc.integer({ min: 1, max: 40 }),
      first: fc.integer({ min: 1, max: 20 }),
      snapshots: fc.uniqueArray(fc.integer({ min: 1, max: 44 })),
      damaged: fc.uniqueArray(fc.integer({ min: 1, max: 44 })),
      crcs: fc.uniqueArray(fc.integer({ min: 1, max: 44 })),
      minDeltasForSnapshot: fc.integer({ min: 1, max: 12 }),
      minBatchesToRetain: fc.integer({ min: 1, max: 40 }),
    })
    .map((plan) => {
      // A chain as maintenance leaves it: deltas from 1, or from a snapshot.
      const first = Math.min(plan.first, plan.latest)
      const base = first > 1 ? [first] : []
      const snapshots = [...new Set([...base, ...plan.snapshots.filter((v) => v >= first)])]
      const names = [
        ...deltas(first, plan.latest),
        ...snapshots.map((v) => `${v}.snapshot`),
        ...plan.crcs.map((v) => `${v}.delta.crc`),
      ]
      const damagedSnapshots = new Set(plan.damaged.filter((v) => snapshots.includes(v)))
      return { plan: input(names, { ...plan, damagedSnapshots }), names }
    })

  const rebuildable = (
    version: number,
    names: ReadonlySet<string>,
    damaged: ReadonlySet<number>,
  ) => {
    for (let v = version; ; v--) {
      if (v === 0 || (names.has(`${v}.snapshot`) && !damaged.has(v))) return true
      if (!names.has(`${v}.delta`)) return false
    }
  }

  test('after each single removal, every retained version can still be rebuilt', () => {
    fc.assert(
      fc.property(listing, ({ plan, names }) => {
        const { removals } = planMaintenance(plan)
        const there = new Set(names)
        const oldest = Math.max(1, plan.latest - plan.minBatchesToRetain)
        const needed = []
        for (let v = oldest; v <= plan.latest; v++)
          if (rebuildable(v, there, plan.damagedSnapshots)) needed.push(v)
        for (const name of removals) {
          expect(there.delete(name)).toBe(true)
          for (const v of needed) expect(rebuildable(v, there, plan.damagedSnapshots)).toBe(true)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('what is removed goes oldest first, so that a crash leaves no hole', () => {
    fc.assert(
      fc.property(listing, ({ plan, names }) => {
        const there = new Set(names)
        const mains = planMaintenance(plan)
          .removals.filter((name) => !name.endsWith('.crc'))
          .map((name) => Number.parseInt(name, 10))
        expect(mains).toEqual([...mains].sort((a, b) => a - b))
        for (const name of planMaintenance(plan).removals) {
          there.delete(name)
          const left = [...there]
            .filter((other) => other.endsWith('.delta'))
            .map((other) => Number.parseInt(other, 10))
            .sort((a, b) => a - b)
          for (const [i, version] of left.entries()) expect(version).toBe(left[0] + i)
        }
      }),
      { numRuns: 300 },
    )
  })

  test('carrying a plan out leaves nothing more to remove', () => {
    fc.assert(
      fc.property(listing, ({ plan, names }) => {
        const { removals } = planMaintenance(plan)
        const rest = input(names.filter((name) => !removals.includes(name)))
        expect(planMaintenance({ ...plan, files: rest.files }).removals).toEqual([])
      }),
      { numRuns: 300 },
    )
  })
})
