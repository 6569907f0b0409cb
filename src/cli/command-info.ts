// `info`: what a checkpoint holds, without a row being read: its query, operators and batches (query-lines.ts), and a line for each store.
//
// What is damaged keeps nothing else from being told: it becomes a line beginning with `problem`, and exit code 1.

import { openCheckpoint } from '../checkpoint/checkpoint.ts'
import type { StoreInfo } from '../checkpoint/store-info.ts'
import { type Command, COMMON_OPTIONS } from './command.ts'
import type { Output } from './output.ts'
import { escapeUnprintable } from './printable.ts'
import { describeQuery, queryJsonLines, queryTextLines } from './query-lines.ts'
import { bold, type Column, sizeText, tableLines } from './table.ts'

export const commandInfo: Command = {
  verb: 'info',
  summary:
    'Show the query, operators, batches and stores of a checkpoint: versions, files, sizes, snapshot lag, writers',
  details: `Where a query of Spark's stands around the stores: its id, its operators and their stores, the batches that are still
known, the watermark and offsets of the last one, and what is not committed. Then one line a store: the versions that
can be read, the number and size of its deltas, snapshots, sidecars (.crc) and foreign files, the codec of the newest
file, how many deltas follow the newest snapshot (lag), and the newest writer that claimed it. Rows are not read;
\`verify\` does that. With --json a line is one thing, its "kind" query, operator, batch, problem or store. Exit code 1
if a store's newest version cannot be found, or a file of the query cannot be understood.`,
  options: COMMON_OPTIONS,
  run: async ({ checkpoint: location, selection, overrides, json }, output) => {
    // Rows are not read: an offset log that cannot tell how they would be is a problem of the query, told among those.
    const { rowChecksums = false } = overrides
    await using checkpoint = await openCheckpoint(location, { ...overrides, rowChecksums })
    const query = await describeQuery(checkpoint)
    const infos: StoreInfo[] = []
    if (json) for (const line of queryJsonLines(query)) await output.line(line)
    for (const id of await checkpoint.stores(selection)) {
      const info = await checkpoint.describe(id)
      if (json) await output.line(JSON.stringify({ kind: 'store', ...info }))
      infos.push(info)
    }
    if (!json) {
      await output.line(bold(`Checkpoint ${escapeUnprintable(checkpoint.location)}`))
      for (const line of queryTextLines(query, infos)) await output.line(escapeUnprintable(line))
      await printInfos(infos, output)
    }
    const isFine = infos.every(({ problem }) => problem === undefined)
    return isFine && query.problems.length === 0 ? 0 : 1
  },
}

const COLUMNS: readonly Column[] = [
  { title: 'op', align: 'right' },
  { title: 'part', align: 'right' },
  { title: 'store' },
  { title: 'versions', align: 'right' },
  { title: 'keys', align: 'right' },
  { title: 'lag', align: 'right' },
  { title: 'codec' },
  { title: 'deltas', align: 'right' },
  { title: 'snapshots', align: 'right' },
  { title: 'sidecars', align: 'right' },
  { title: 'foreign', align: 'right' },
  { title: 'writer' },
]

async function printInfos(infos: readonly StoreInfo[], output: Output): Promise<void> {
  if (infos.length === 0) {
    await output.line('No stores yet.')
    return
  }
  for (const line of tableLines(COLUMNS, infos.map(cells))) await output.line(line)
  for (const info of infos) {
    const name = `${info.operatorId}/${info.partitionId}/${info.storeName}`
    if (info.progress !== undefined) {
      const progress = escapeUnprintable(JSON.stringify(info.progress))
      await output.line(`progress of ${name} at version ${info.newestVersion}: ${progress}`)
    }
    if (info.problem !== undefined)
      await output.line(
        `problem of ${name}: ${info.problem.code} ${escapeUnprintable(info.problem.message)}`,
      )
  }
}

function cells(info: StoreInfo): string[] {
  const { files } = info
  const total = ({ count, sizeBytes }: { count: number; sizeBytes: number }): string =>
    count === 0 ? '-' : `${count} (${sizeText(sizeBytes)})`
  return [
    String(info.operatorId),
    String(info.partitionId),
    info.storeName,
    info.newestVersion === 0 ? 'none' : `${info.oldestVersion}-${info.newestVersion}`,
    info.keys === undefined ? '?' : String(info.keys),
    String(info.snapshotLag),
    info.codec ?? (info.newestVersion === 0 ? '-' : '?'),
    total(files.deltas),
    total(files.snapshots),
    total(files.sidecars),
    total(files.foreign),
    writerText(info.lease),
  ]
}

function writerText(lease: StoreInfo['lease']): string {
  if (lease === undefined) return '-'
  const { generation, owner, host, pid, claimedAt, state } = lease
  const who = [owner, host === '' ? '' : `${host} pid ${pid}`].filter((part) => part !== '')
  const text = `${generation} ${state ?? 'claimed'}, ${who.join(' on ')}, ${claimedAt}`
  return escapeUnprintable(text)
}
