// `changes`: what batches put and removed, in types where the stores have schemas, else in hex; as JSON lines or in tables.
//
// Sorted by key as `rows` are, but what was written twice in a batch stays in its order: the last one counts.

import { openCheckpoint } from '../checkpoint/checkpoint.ts'
import type { CheckpointChange, RawChange } from '../checkpoint/read-changes.ts'
import { toHex } from '../base/bytes.ts'
import { storeIdText } from '../store/store-id.ts'
import { chooseStores, type ChosenStores } from './chosen-stores.ts'
import { type Command, COMMON_OPTIONS } from './command.ts'
import { hexJson, jsonHead, jsonOf } from './row-text.ts'
import { type SortableLine, sortedLinesOf } from './sorted-lines-of.ts'
import { GroupedTable, shortened } from './table.ts'
import { UsageError } from './usage-error.ts'

export const commandChanges: Command = {
  verb: 'changes',
  summary: 'Print what batches put and removed',
  details: `The change feed, from the deltas alone: batch b is what version b + 1 changed. Sorted by operator, store name, batch,
partition, then the text of the key; what was written twice in a batch is there twice, in its order. With --json a
line is
  {"batch":3,"type":"update","p":0,"key":{…},"value":{…}}
where type is update or delete, and the value of a delete is null; with "o" and "s" as in \`rows\`. Of stores without
a schema, or with --hex, keys and values are "k" and "v" in hex. --from is needed.`,
  options: [...COMMON_OPTIONS.slice(0, 3), 'from', 'to', 'hex', ...COMMON_OPTIONS.slice(3)],
  run: async (args, output) => {
    const { checkpoint: location, selection, from, to, overrides, json } = args
    if (from === undefined) throw new UsageError('Expected --from, the first batch, got none')
    await using checkpoint = await openCheckpoint(location, overrides)
    const stores = await chooseStores(checkpoint, args)
    const chosen = { ...selection, from, to }
    const lines = stores.inTypes
      ? typedLines(checkpoint.changes(chosen), stores, json)
      : hexLines(checkpoint.rawChanges(chosen), stores, json)
    const table = new GroupedTable(COLUMNS, output)
    let count = 0
    for await (const { group, text } of sortedLinesOf(lines, { keepsOrder: true })) {
      if (json) await output.line(text)
      else await table.row(group, text.split('\0').map(shortened))
      count++
    }
    if (!json) await table.end(count, 'change')
    return 0
  },
}

const COLUMNS = [{ title: 'type' }, { title: 'key' }, { title: 'value' }]

async function* typedLines(
  changes: AsyncIterable<CheckpointChange>,
  { owner }: ChosenStores,
  asJson: boolean,
): AsyncGenerator<SortableLine, void, void> {
  for await (const { store, batchId, type, schema, key, value } of changes) {
    const [keyJson, valueJson] = [jsonOf(schema.key, key), jsonOf(schema.value, value)]
    const head = jsonHead({ ...owner(store), batch: batchId, type, p: store.partitionId })
    yield {
      group: `Store ${storeIdText(store)}, batch ${batchId}`,
      key: keyJson,
      text: asJson
        ? `${head},"key":${keyJson},"value":${valueJson}}`
        : `${type}\0${keyJson}\0${valueJson}`,
    }
  }
}

async function* hexLines(
  changes: AsyncIterable<RawChange>,
  { owner }: ChosenStores,
  asJson: boolean,
): AsyncGenerator<SortableLine, void, void> {
  for await (const { store, batchId, type, key, value } of changes) {
    const head = jsonHead({ ...owner(store), batch: batchId, type, p: store.partitionId })
    const k = toHex(key)
    yield {
      group: `Store ${storeIdText(store)}, batch ${batchId}`,
      key: k,
      text: asJson
        ? `${head},"k":${hexJson(key)},"v":${hexJson(value)}}`
        : `${type}\0${k}\0${value === undefined ? '' : toHex(value)}`,
    }
  }
}
