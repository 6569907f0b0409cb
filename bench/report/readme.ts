// The paragraph of the README that says how fast the engine is, made of bench/results like docs/benchmarks.md, so that neither can be older than the other.

import { formatFigure, formatNumber } from './format-figure.ts'
import { MUSTS } from './must-list.ts'
import { mustLines } from './musts.ts'
import { sum } from './musts/sides.ts'
import { isByEarlierRules } from './tables.ts'
import type { Results } from './results.ts'

const BEGIN =
  '<!-- Made by npm run bench:report from bench/results, up to the next comment. Do not edit. -->'
const END = '<!-- end -->'

/** `readme` with its figures replaced. Throws if the two comments between which they belong are not there. */
export function withFigures(readme: string, results: Results): string {
  const begin = readme.indexOf(BEGIN)
  const end = readme.indexOf(END, begin)
  if (begin === -1 || end === -1) {
    throw new RangeError(`Expected the README to have the lines "${BEGIN}" and "${END}"`)
  }
  return `${readme.slice(0, begin + BEGIN.length)}\n\n${figures(results)}\n\n${readme.slice(end)}`
}

function figures(results: Results): string {
  const throughput = (keys: number, engine: string, name: string) =>
    results.figure('throughput', { keys }, engine, name)
  const batchMs = throughput(1e6, 'tidemark', 'batchMs')
  const rowsPerSecond = throughput(1e6, 'tidemark', 'rowsPerSecond')
  if (batchMs === undefined || rowsPerSecond === undefined) return 'Not measured yet.'
  const batchesOfSparks = (keys: number) =>
    times(throughput(keys, 'spark-hdfs', 'batchMs'), throughput(keys, 'tidemark', 'batchMs'))
  const withoutForks = sum(
    throughput(1e6, 'spark-hdfs', 'openMs'),
    throughput(1e6, 'spark-hdfs', 'putsRestMs'),
  )
  const maintained = throughput(1e6, 'tidemark-maintained', 'rowsPerSecond')
  const levels = throughput(1e6, 'classic-level', 'rowsPerSecond')
  const rowsOf = (engine: string) => times(rowsPerSecond, throughput(1e6, engine, 'rowsPerSecond'))
  const rate = (rows: number | undefined) =>
    rows === undefined ? '–' : formatFigure('rowsPerSecond', rows)
  const bounds = mustLines(MUSTS, results).filter(({ isRequired }) => isRequired)
  const held = bounds.filter(({ verdict }) => verdict === 'holds')
  return [
    `A batch on a state of a million keys (open, 10,000 updates, commit with its published lz4 delta; \`durability: 'os'\`, so that nobody waits for the disk) takes`,
    `${formatFigure('batchMs', batchMs)} ms; Spark's own HDFS provider takes ${batchesOfSparks(1e6)} times as long on the JVM in the same run (${times(withoutForks, batchMs)} times without its commit and first put, which fork`,
    `\`chmod\`), and ${batchesOfSparks(5e6)} times at five million keys, for it copies its map at each open. Such batches in a row do ${rate(rowsPerSecond)} updates a second:`,
    `${rowsOf('lmdb')} times lmdb's, ${rowsOf('js-map')} times those of a plain JS \`Map\` that writes the same delta, ${rowsOf('classic-level')} times classic-level's. Snapshots and cleaning do not run`,
    `meanwhile, while the compactions of classic-level do; beside a snapshot it does ${rate(maintained)}, ${times(maintained, levels)} times classic-level's. Of ${bounds.length} bounds`,
    `that the engine is to keep ${held.length} hold; those that are missed stand in the same tables, which anyone can rerun: [docs/benchmarks.md](docs/benchmarks.md).`,
    ...(results.all.some(isByEarlierRules)
      ? [
          'Some of it was measured by earlier rules of the suite; that page says what, and `bench/README.md` in whose favour it was.',
        ]
      : []),
  ].join('\n')
}

function times(more: number | undefined, less: number | undefined): string {
  return more === undefined || less === undefined ? '–' : formatNumber(more / less)
}
