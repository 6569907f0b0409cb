import { describe, expect, test } from 'vitest'
import { MUSTS } from '../../../bench/report/must-list.ts'
import { type Bound, mustLines } from '../../../bench/report/musts.ts'
import { Results } from '../../../bench/report/results.ts'
import { sampleResults } from './sample-results.ts'

const NONE = new Results([])

function lineFor(reached: number | undefined, bound?: Bound, goal?: Bound) {
  const must = {
    row: 1,
    text: 'a figure',
    reached: () => reached,
    ...(bound && { bound }),
    ...(goal && { goal }),
  }
  return mustLines([must], NONE)[0]
}

test('what was not measured never holds: without results every line says so', () => {
  const lines = mustLines(MUSTS, NONE)
  expect(new Set(lines.map(({ verdict }) => verdict))).toEqual(new Set(['not measured']))
  expect(new Set(lines.map(({ reached }) => reached))).toEqual(new Set(['–']))
})

test('all ten rows are there', () => {
  expect([...new Set(MUSTS.map(({ row }) => row))]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
})

describe('a bound', () => {
  test.each([
    [10, { atLeast: 10 }, 'holds'],
    [9.9999999, { atLeast: 10 }, 'missed'],
    [0.8, { atMost: 0.8 }, 'holds'],
    [0.80000001, { atMost: 0.8 }, 'missed'],
    [1, { above: 1 }, 'missed'],
    [1.0000001, { above: 1 }, 'holds'],
    [Number.NaN, { atMost: 0.8 }, 'missed'],
    [Infinity, { atLeast: 1 }, 'holds'],
  ] as const)('%d against %j: %s', (reached, bound, verdict) => {
    expect(lineFor(reached, bound).verdict).toBe(verdict)
  })

  test('shows as many digits as its verdict needs', () => {
    expect(lineFor(9.9996, { atLeast: 10 }).reached).toBe('9.9996')
    expect(lineFor(0.80004, { atMost: 0.8 }).reached).toBe('0.80004')
    expect(lineFor(12.3456, { atLeast: 10 }).reached).toBe('12.3')
    expect(lineFor(9.4449, { atLeast: 10 }).reached).toBe('9.44')
  })
})

test('a line without a bound is reported; a goal does not decide, and says when it is reached', () => {
  expect(lineFor(3)).toMatchObject({ verdict: 'reported', bound: '–' })
  expect(lineFor(0.7, { atMost: 0.8 }, { atMost: 0.6 })).toMatchObject({
    verdict: 'holds',
    bound: '≤ 0.8; goal ≤ 0.6',
  })
  expect(lineFor(0.5, { atMost: 0.8 }, { atMost: 0.6 }).bound).toBe('≤ 0.8; goal ≤ 0.6, reached')
})

describe('whole batches', () => {
  const results = sampleResults('throughput', [
    {
      params: { keys: 1_000_000, durability: 'os' },
      engines: {
        tidemark: { batchMs: [20, 10, 15], rowsPerSecond: 1000 },
        'spark-hdfs': { batchMs: 300, openMs: 100, putsMs: 19 },
        'js-map': { rowsPerSecond: 400 },
        lmdb: 'not installed',
      },
    },
  ])
  const lines = mustLines(MUSTS, results).filter(({ row }) => row === 1)

  test('what the best rounds come to stands beside', () => {
    expect(lines[0].atBest).toBe('30')
  })

  test('medians are compared, and the part without commit by our whole batch', () => {
    expect(lines[0]).toMatchObject({ reached: '20', verdict: 'holds' })
    expect(lines[1]).toMatchObject({ reached: '7.93', bound: '≥ 8', verdict: 'missed' })
  })

  test('rates are ours by theirs; an engine left out is not measured', () => {
    const find = (text: string) => lines.find((line) => line.text.includes(text))
    expect(find('JS Map')).toMatchObject({ reached: '2.5', verdict: 'holds' })
    expect(find('lmdb')).toMatchObject({ verdict: 'not measured' })
    expect(find('5 M keys')).toMatchObject({ verdict: 'not measured' })
  })
})

describe('memory', () => {
  const RAW = 48
  const sized = (keys: number, ratio: number, rewrites = 100) => ({
    params: { keys, durability: 'os' as const, values: 'rows', rewrites },
    engines: {
      tidemark: {
        memoryUsedBytes: keys * RAW * ratio,
        memoryUsedAfterRewritesBytes: keys * RAW * (ratio + 0.5),
        residentOverBytes: keys,
      },
    },
  })
  const memoryLines = (cases: Parameters<typeof sampleResults>[1]) =>
    mustLines(MUSTS, sampleResults('memory', cases)).filter(({ row }) => row === 6)

  test('is counted by raw bytes, and the worst size decides', () => {
    const lines = memoryLines([
      sized(1e6, 1.5),
      sized(1.3e6, 2.01, 10),
      sized(1.6e6, 3, 10),
      sized(5e6, 1.75, 5),
      sized(5e6, 1.6),
      sized(1e7, 1.2),
    ])
    expect(lines[0]).toMatchObject({ reached: '1.75', bound: '≤ 1.7', verdict: 'missed' })
    expect(lines[1]).toMatchObject({ reached: '2.01', bound: '≤ 2', verdict: 'missed' })
    expect(lines.find(({ text }) => text.includes('the index grows'))).toMatchObject({
      reached: '3',
      verdict: 'reported',
    })
    expect(lines.find(({ text }) => text.includes('held, 1 M keys'))).toMatchObject({
      reached: '2',
    })
    expect(lines.find(({ text }) => text === 'the same, 5 M keys')).toMatchObject({
      reached: '2.1',
      verdict: 'holds',
    })
    expect(lines.find(({ text }) => text.includes('beyond'))).toMatchObject({
      reached: '10 MB',
      bound: '≤ 100 MB',
      verdict: 'holds',
    })
  })

  test('does not hold at any size before it was seen at 1 M and at 10 M', () => {
    expect(memoryLines([sized(1e6, 1.5), sized(5e6, 1.5)])[1].verdict).toBe('not measured')
  })
})

test('slices are judged phase by phase, and a snapshot by Spark’s in the same run', () => {
  const params = { keys: 5e6, durability: 'os' as const }
  const lines = mustLines(
    MUSTS,
    sampleResults('interference', [
      {
        params: { ...params, phase: 'snapshot' },
        engines: {
          tidemark: {
            slicesCpuP999Ms: 9.5,
            throughputRatio: 0.79999,
            snapshotDuringBatchesMs: 6000,
          },
          'spark-hdfs': { snapshotMs: 2000, throughputRatio: 0.6 },
        },
      },
      { params: { ...params, phase: 'growth' }, engines: { tidemark: { slicesCpuP999Ms: 10.01 } } },
    ]),
  )
  const slices = lines.filter(({ text }) => text.includes('p99.9'))
  expect(slices.map(({ verdict }) => verdict)).toEqual([
    'holds',
    'missed',
    'not measured',
    'not measured',
  ])
  const [throughput, , time] = lines.filter(({ row }) => row === 9)
  expect(throughput).toMatchObject({ reached: '0.79999', verdict: 'missed' })
  expect(time).toMatchObject({ reached: '3', verdict: 'holds' })
})

test('the lead of a stream job is over the fastest other, and unknown while one is missing', () => {
  const lead = (engines: Record<string, { rowsPerSecond: number } | string>) =>
    mustLines(
      MUSTS,
      sampleResults('stream', [{ params: { keys: 0, durability: 'os', job: 'bids' }, engines }]),
    ).find(({ text }) => text.includes('bids'))
  const tidemark = { rowsPerSecond: 300 }
  const rivals = { lmdb: { rowsPerSecond: 100 }, 'classic-level': { rowsPerSecond: 200 } }
  expect(lead({ tidemark, ...rivals, 'js-map-json': { rowsPerSecond: 300 } })).toMatchObject({
    reached: '1',
    verdict: 'missed',
  })
  expect(lead({ tidemark, ...rivals, 'js-map-json': 'broken' })?.verdict).toBe('not measured')
})

test('two cases that fit one question are a mistake, not a choice', () => {
  const params = { keys: 1_000_000, durability: 'os' } as const
  const results = sampleResults('throughput', [
    { params, engines: { tidemark: { batchMs: 1 } } },
    { params, engines: { tidemark: { batchMs: 2 } } },
  ])
  expect(() => results.figure('throughput', params, 'tidemark', 'batchMs')).toThrow(
    /Expected one case of throughput/,
  )
})
