// `rows`: what the stores hold, in types where they have schemas, else in hex; as JSON lines or in tables.
//
// Rows in types come from the library in no order, and are sorted here by the text of their keys, on disk where there are many
// (sorted-lines-of.ts). In hex the engine gives them in the order of the keys' bytes, which is that of the digits.

import { toHex } from '../base/bytes.ts'
import { type Checkpoint, openCheckpoint } from '../checkpoint/checkpoint.ts'
import type { CheckpointRow, RawRow, RowsSelection } from '../checkpoint/read-rows.ts'
import { type ResolvedStoreId, storeIdText } from '../store/store-id.ts'
import { chooseStores, type ChosenStores } from './chosen-stores.ts'
import { type Command, COMMON_OPTIONS } from './command.ts'
import type { Output } from './output.ts'
import { printableText } from './printable.ts'
import { jsonHead, jsonOf } from './row-text.ts'
import { type SortableLine, sortedLinesOf } from './sorted-lines-of.ts'
import { type Column, GroupedTable, shortened } from './table.ts'

/** In tables only this much of a key or value is shown, in bytes; --json has all of it. */
const SHOWN_BYTES_MAX = 48

export const commandRows: Command = {
  verb: 'rows',
  summary: 'Print the rows of stores at a version',
  details: `Of a checkpoint of Spark: in types, at the last committed batch, sorted by operator, store name, partition, then the text
of the key. With --json a line is
  {"p":0,"key":{…},"value":{…}}
with keys and values as Spark's to_json prints them, and, where more than one operator or store name is chosen, also
"o" (operator) and "s" (store name). Of stores without a schema, or with --hex: sorted by the bytes of the key, as
  {"p":0,"k":"<hex>","v":"<hex>"}
For people a table; what is long is cut there (…).`,
  options: [
    ...COMMON_OPTIONS.slice(0, 3),
    'join-side',
    'version',
    'batch',
    'snapshot-batch',
    'hex',
    ...COMMON_OPTIONS.slice(3),
  ],
  run: async (args, output) => {
    const { checkpoint: location, selection, joinSide, snapshotBatchId, at, overrides, json } = args
    await using checkpoint = await openCheckpoint(location, overrides)
    const stores = await chooseStores(checkpoint, args)
    const rows = { ...selection, ...at[0], joinSide, snapshotBatchId }
    if (stores.inTypes)
      await printTyped(typedLines(checkpoint.rows(rows), stores, json), json, output)
    else if (json) await printHexJson(rawRows(checkpoint, rows), stores, output)
    else await printHexTables(rawRows(checkpoint, rows), output)
    return 0
  },
}

function rawRows(checkpoint: Checkpoint, selection: RowsSelection): AsyncIterable<RawRow> {
  return checkpoint.rawRows({ ...selection, order: 'key' })
}

async function printTyped(
  lines: AsyncIterable<SortableLine>,
  asJson: boolean,
  output: Output,
): Promise<void> {
  const table = new GroupedTable(TYPED_COLUMNS, output)
  let count = 0
  for await (const { group, text } of sortedLinesOf(lines)) {
    if (asJson) await output.line(text)
    else await table.row(group, text.split('\0').map(shortened))
    count++
  }
  if (!asJson) await table.end(count, 'row')
}

async function* typedLines(
  rows: AsyncIterable<CheckpointRow>,
  { owner }: ChosenStores,
  asJson: boolean,
): AsyncGenerator<SortableLine, void, void> {
  let [current, group, head]: [ResolvedStoreId | undefined, string, string] = [undefined, '', '']
  for await (const { store, version, schema, key, value } of rows) {
    if (store !== current) {
      current = store
      group = `Store ${storeIdText(store)} at version ${version}`
      head = jsonHead({ ...owner(store), p: store.partitionId })
    }
    const [keyJson, valueJson] = [jsonOf(schema.key, key), jsonOf(schema.value, value)]
    const text = asJson
      ? `${head},"key":${keyJson},"value":${valueJson}}`
      : `${keyJson}\0${valueJson}`
    yield { group, key: keyJson, text }
  }
}

async function printHexJson(
  rows: AsyncIterable<RawRow>,
  { owner }: ChosenStores,
  output: Output,
): Promise<void> {
  for await (const { store, key, value } of rows) {
    const row = { ...owner(store), p: store.partitionId, k: toHex(key), v: toHex(value) }
    await output.line(JSON.stringify(row))
  }
}

async function printHexTables(rows: AsyncIterable<RawRow>, output: Output): Promise<void> {
  const table = new GroupedTable(HEX_COLUMNS, output)
  let count = 0
  for await (const { store, version, key, value } of rows) {
    await table.row(`Store ${storeIdText(store)} at version ${version}`, [
      ...shown(key),
      ...shown(value),
    ])
    count++
  }
  await table.end(count, 'row')
}

const TYPED_COLUMNS: readonly Column[] = [{ title: 'key' }, { title: 'value' }]

const HEX_COLUMNS: readonly Column[] = [
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
