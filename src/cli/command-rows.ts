import { toHex } from '../base/bytes.ts'
import { type CheckpointRow, openCheckpoint } from '../checkpoint/checkpoint.ts'
import { storeIdText } from '../store/store-id.ts'
import { type Command, COMMON_OPTIONS } from './command.ts'
import type { Output } from './output.ts'
import { printableText } from './printable.ts'
import { bold, tableLines } from './table.ts'

/** In tables only this much of a key or value is shown, in bytes; --json has all of it. */
const SHOWN_BYTES_MAX = 48
/** Rows that share their column widths; a table of millions is not held back until its widest row is known. */
const TABLE_ROWS_MAX = 100

export const commandRows: Command = {
  verb: 'rows',
  summary: 'Print the rows of stores at a version',
  details: `Sorted by operator, store name, partition, then the bytes of the key. With --json a line is
  {"p":0,"k":"<hex>","v":"<hex>"}
and, where more than one operator or store name is chosen, also "o" (operator) and "s" (store name).
Without, keys and values are shown in hex and, where they are printable, as text; long ones are cut (…).`,
  options: [...COMMON_OPTIONS.slice(0, 3), 'version', ...COMMON_OPTIONS.slice(3)],
  run: async ({ checkpoint: location, selection, version, overrides, json }, output) => {
    await using checkpoint = await openCheckpoint(location, overrides)
    const stores = await checkpoint.stores(selection)
    const names = new Set(stores.map(({ operatorId, storeName }) => `${operatorId}/${storeName}`))
    const rows = checkpoint.rows({ ...selection, version })
    if (json) await printJson(rows, names.size > 1, output)
    else await printTables(rows, output)
    return 0
  },
}

async function printJson(
  rows: AsyncIterable<CheckpointRow>,
  areStoresMixed: boolean,
  output: Output,
): Promise<void> {
  for await (const { store, key, value } of rows) {
    const row = { p: store.partitionId, k: toHex(key), v: toHex(value) }
    const whole = areStoresMixed ? { o: store.operatorId, s: store.storeName, ...row } : row
    await output.line(JSON.stringify(whole))
  }
}

async function printTables(rows: AsyncIterable<CheckpointRow>, output: Output): Promise<void> {
  let current: CheckpointRow['store'] | undefined
  let table: string[][] = []
  let count = 0
  const flush = async (): Promise<void> => {
    if (table.length === 0) return
    for (const line of tableLines(COLUMNS, table)) await output.line(line)
    table = []
  }
  for await (const { store, version, key, value } of rows) {
    if (store !== current) {
      await flush()
      await output.line(bold(`Store ${storeIdText(store)} at version ${version}`))
      current = store
    }
    table.push([...shown(key), ...shown(value)])
    count++
    if (table.length >= TABLE_ROWS_MAX) await flush()
  }
  await flush()
  await output.line(`${count} ${count === 1 ? 'row' : 'rows'}`)
}

const COLUMNS = [
  { title: 'key (hex)' },
  { title: 'key' },
  { title: 'value (hex)' },
  { title: 'value' },
]

/** Hex and text of a key or value, cut to what a screen bears. */
function shown(bytes: Uint8Array): [hex: string, text: string] {
  const cut = bytes.length > SHOWN_BYTES_MAX
  const hex = toHex(bytes.subarray(0, SHOWN_BYTES_MAX)) + (cut ? '…' : '')
  const text = printableText(bytes) ?? ''
  const characters = Array.from(text)
  if (characters.length <= SHOWN_BYTES_MAX) return [hex, text]
  return [hex, `${characters.slice(0, SHOWN_BYTES_MAX).join('')}…`]
}
