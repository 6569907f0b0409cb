// docs/benchmarks.md is what the generator makes of bench/results, and the generator says of results what they are.

import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { benchmarkFiles } from '../../../bench/report/document.ts'
import { figureLabel, formatFigure } from '../../../bench/report/format-figure.ts'
import { MUSTS } from '../../../bench/report/must-list.ts'
import { withFigures } from '../../../bench/report/readme.ts'
import { Results } from '../../../bench/report/results.ts'
import { sampleResult, sampleResults } from './sample-results.ts'

const ROOT = join(import.meta.dirname, '../../..')

describe('the page in the repository', () => {
  const files = benchmarkFiles(Results.read(join(ROOT, 'bench/results')))

  test.each(files)('$path is what npm run bench:report makes', ({ path, text }) => {
    expect(readFileSync(join(ROOT, path), 'utf8')).toBe(text)
  })

  test('no plot lies there that is not made', () => {
    const found = globSync('docs/benchmarks/*', { cwd: ROOT }).sort()
    expect(found).toEqual(
      files
        .map(({ path }) => path)
        .filter((path) => path.endsWith('.svg'))
        .sort(),
    )
  })
})

test('what was measured by earlier rules is named', () => {
  const { rules: _, ...earlier } = sampleResult('old', [])
  const page = benchmarkFiles(new Results([earlier]))[0].text
  expect(page).toContain('Measured by earlier rules of the suite, and not since: old.')
  const [, sections] = page.split('## old')
  expect(sections).toContain('Measured by earlier rules of the suite')
  const now = benchmarkFiles(new Results([sampleResult('new', [])]))[0].text
  expect(now).not.toContain('earlier rules')
})

describe('the README', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
  const sized = (keys: number, sparkMs: number) => ({
    params: { keys, durability: 'os' as const },
    engines: {
      tidemark: { batchMs: 10, rowsPerSecond: 1_000_000 },
      'tidemark-maintained': { rowsPerSecond: 750_000 },
      lmdb: { rowsPerSecond: 80_000 },
      'classic-level': { rowsPerSecond: 500_000 },
      'spark-hdfs': { batchMs: sparkMs, openMs: 100, putsRestMs: 20 },
    },
  })

  test('has the figures of the results that lie beside it', () => {
    expect(withFigures(readme, Results.read(join(ROOT, 'bench/results')))).toBe(readme)
  })

  test('says how often the others take, and leaves open what was not measured', () => {
    const results = sampleResults('throughput', [sized(1e6, 172), sized(5e6, 806)])
    const text = withFigures(readme, results).replaceAll('\n', ' ')
    expect(text).toContain(
      "takes 10 ms; Spark's own HDFS provider takes 17.2 times as long on the JVM in the same run (12 times without its commit",
    )
    expect(text).toContain('and 80.6 times at five million keys')
    expect(text).toContain("do 1,000,000 updates a second: 12.5 times lmdb's, – times those of")
  })

  test('says what is not in the figures: the wait for the disk, and maintenance, which classic-level has in its own', () => {
    const results = sampleResults('throughput', [sized(1e6, 172), sized(5e6, 806)])
    const text = withFigures(readme, results).replaceAll('\n', ' ')
    expect(text).toContain("`durability: 'os'`")
    expect(text).toContain("beside a snapshot it does 750,000, 1.5 times classic-level's")
  })

  test('that has no place for them is refused', () => {
    expect(() => withFigures('# A README', new Results([]))).toThrow(RangeError)
  })
})

test('without results the page says so', () => {
  const [page] = benchmarkFiles(new Results([]))
  expect(page.text).toContain('nothing has been measured in full')
  expect(page.text).toContain('*not measured*')
})

test('bounds are counted, and nothing but bounds', () => {
  const params = { keys: 5e6, durability: 'os' as const, phase: 'growth' }
  const figures = { slicesCpuP999Ms: 1, worstDelayOverIdleMs: 20 }
  const [page] = benchmarkFiles(
    sampleResults('interference', [{ params, engines: { tidemark: figures } }]),
  )
  const bounds = MUSTS.filter(({ bound }) => bound !== undefined).length
  expect(page.text).toContain(
    `Of ${bounds} bounds 1 hold, 0 are missed, ${bounds - 1} are not measured`,
  )
})

describe('a question', () => {
  const results = sampleResults('throughput', [
    {
      params: { keys: 1_000_000, durability: 'os' },
      engines: {
        tidemark: { batchMs: [10, 9, 30], rowsPerSecond: 1_000_000 },
        lmdb: { batchMs: 125, rowsPerSecond: 80_000 },
        'js-map': { batchMs: 5, rowsPerSecond: 2_000_000 },
        slatedb: 'no binary for this system',
      },
      standsFor: { lmdb: 'one version only' },
      stolenShares: { tidemark: [0.01, 0.05], lmdb: [0.02, 0.123], 'js-map': [0.06] },
    },
  ])
  const [page] = benchmarkFiles(results)

  test('has ratios first: how many times worse, and in bold what is better', () => {
    expect(page.text).toContain('| tidemark = 1 | tidemark | lmdb | js-map |')
    expect(page.text).toContain('| batch, ms | 1 | 12.5 | **0.5** |')
    expect(page.text).toContain('| rows, a second | 1 | 12.5 | **0.5** |')
  })

  test('has the figures second, median and best', () => {
    expect(page.text).toContain('| batch, ms | 10 / 9 | 125 / 125 | 5 / 5 |')
    expect(page.text.indexOf('| batch, ms | 10 / 9')).toBeGreaterThan(
      page.text.indexOf('| batch, ms | 1 |'),
    )
  })

  test('says what an engine stands for, and why one was left out', () => {
    expect(page.text).toContain('- lmdb: one version only')
    expect(page.text).toContain('Left out: slatedb (no binary for this system).')
  })

  test('says in which case an engine stands for what, where that differs', () => {
    const oneCase = (keys: number, note: string) => ({
      params: { keys, durability: 'os' as const },
      engines: { lmdb: { batchMs: 1 } },
      standsFor: { lmdb: note },
    })
    const cases = [oneCase(10, 'one map'), oneCase(20, 'two maps'), oneCase(30, 'one map')]
    const { text } = benchmarkFiles(sampleResults('throughput', cases))[0]
    expect(text).toContain('- lmdb (10 keys, os; 30 keys, os): one map\n- lmdb (20 keys, os): two')
  })

  test('says what the host of the machine took, and where most', () => {
    expect(page.text).toContain(
      'took up to 12.3 % of its processors for others (lmdb, 1,000,000 keys, os), although what it disturbs is measured once more.',
    )
  })

  test('says on what it was measured', () => {
    expect(page.text).toContain(
      'Machine: A processor, 2 cores, 16 GiB, Linux 6.1; Node v24.0.0, V8 13.6.',
    )
    expect(page.text).toContain('Commit abc1234')
    expect(page.text).toContain('lmdb 3.5.6')
  })
})

test('where tidemark is not among the engines, the first is what they are measured by', () => {
  const params = { keys: 0, durability: 'os' as const, rows: 'json' }
  const [page] = benchmarkFiles(
    sampleResults('codecs', [
      {
        params,
        engines: {
          lz4: { writeBytesPerSecond: 2e8, packedRatio: 0.5 },
          zstd: { writeBytesPerSecond: 1e8, packedRatio: 0.3 },
        },
      },
    ]),
  )
  expect(page.text).toContain('### os, rows json')
  expect(page.text).toContain(
    '| lz4 = 1 | lz4 | zstd |\n| --- | ---: | ---: |\n| write, MB/s | 1 | 2 |\n\n',
  )
})

test('units come from the ends of names', () => {
  expect(figureLabel('commitP99Ms')).toBe('commit p99, ms')
  expect(figureLabel('memoryUsedPerKeyAfterRewritesBytes')).toBe(
    'memory used per key after rewrites, bytes',
  )
  expect(formatFigure('memoryUsedPerKeyAfterRewritesBytes', 81.25)).toBe('81.3')
  expect(formatFigure('memoryUsedBytes', 408_000_000)).toBe('408')
  expect(figureLabel('writeBytesPerSecond')).toBe('write, MB/s')
  expect(formatFigure('writeBytesPerSecond', 512_345_678)).toBe('512')
  expect(formatFigure('rowsPerSecond', 1_234_567)).toBe('1,230,000')
  expect(figureLabel('aOperationsPerSecond')).toBe('A operations, a second')
  expect(figureLabel('throughputRatio')).toBe('throughput, ratio')
})

describe('growth plots', () => {
  const times = { openP50Ms: 1, putsP50Ms: 2, commitP50Ms: 3 }
  const engines = { 'spark-hdfs': times, tidemark: times }
  const sized = (keys: number, durability: 'os' | 'fsync' = 'os') => ({
    params: { keys, durability },
    engines,
  })

  test('are drawn where two sizes were measured, tidemark boldest, and shown on the page', () => {
    const [page, plot] = benchmarkFiles(
      sampleResults('commit-latency', [sized(1e7), sized(1e4), sized(1e4, 'fsync')]),
    )
    expect(page.text).toContain('](benchmarks/commit-latency.svg)')
    expect(plot.path).toBe('docs/benchmarks/commit-latency.svg')
    expect(plot.text).toMatch(/<text class="f0"[^>]*>tidemark 6 ms<\/text>/)
    expect(plot.text).toMatch(/<text class="f1"[^>]*>spark-hdfs 6 ms<\/text>/)
    expect(plot.text).toContain('prefers-color-scheme:dark')
  })

  test('a size that was measured twice is one point, of the first case that has the engine', () => {
    const params = { keys: 5e6, durability: 'os' as const, values: 'rows' }
    const [, plot] = benchmarkFiles(
      sampleResults('memory', [
        { params: { ...params, keys: 1e6 }, engines: { tidemark: { residentBytes: 1e8 } } },
        { params, engines: { tidemark: { residentBytes: 4e8 } } },
        {
          params,
          engines: {
            tidemark: { residentBytes: 9e8 },
            'spark-hdfs': { residentBytes: 9e9, heapBytes: 12e8 },
          },
        },
      ]),
    )
    expect(plot.text.match(/<circle class="f0"/g)).toHaveLength(2)
    expect(plot.text).toContain('>tidemark 400 MB<')
    expect(plot.text).toContain('>spark-hdfs 1,200 MB<')
  })

  test('are left out where only one was', () => {
    expect(benchmarkFiles(sampleResults('commit-latency', [sized(1e4)]))).toHaveLength(1)
    expect(benchmarkFiles(new Results([sampleResult('memory', [sized(1e4)])]))).toHaveLength(1)
  })
})
