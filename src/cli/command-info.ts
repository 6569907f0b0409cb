import { openCheckpoint } from '../checkpoint/checkpoint.ts'
import type { StoreInfo } from '../checkpoint/store-info.ts'
import { type Command, COMMON_OPTIONS } from './command.ts'
import type { Output } from './output.ts'
import { escapeUnprintable } from './printable.ts'
import { bold, type Column, sizeText, tableLines } from './table.ts'

export const commandInfo: Command = {
  verb: 'info',
  summary: 'Show the stores of a checkpoint: versions, files, sizes, snapshot lag, writers',
  details: `One line a store: the versions that can be read, the number and size of its deltas, snapshots, sidecars (.crc)
and foreign files, the codec of the newest file, how many deltas follow the newest snapshot (lag), and the
newest writer that claimed it. Rows are not read; \`verify\` does that. Exit code 1 if a store's newest version
cannot be found.`,
  options: COMMON_OPTIONS,
  run: async ({ checkpoint: location, selection, overrides, json }, output) => {
    await using checkpoint = await openCheckpoint(location, overrides)
    const infos: StoreInfo[] = []
    for (const id of await checkpoint.stores(selection)) {
      const info = await checkpoint.describe(id)
      if (json) await output.line(JSON.stringify(info))
      infos.push(info)
    }
    if (!json) await printInfos(checkpoint.location, infos, output)
    return infos.some(({ problem }) => problem !== undefined) ? 1 : 0
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

async function printInfos(
  location: string,
  infos: readonly StoreInfo[],
  output: Output,
): Promise<void> {
  await output.line(bold(`Checkpoint ${escapeUnprintable(location)}`))
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
  const text = `${generation} ${state}, ${who.join(' on ')}, ${claimedAt}`
  return escapeUnprintable(text)
}
