// `diff`: what is not the same at two versions or after two batches, in types where the stores have schemas, else in hex.
//
// Sorted by key as `rows` are. A difference is no problem: the exit code stays 0, unlike that of diff(1).

import { toHex } from '../base/bytes.ts'
import { openCheckpoint } from '../checkpoint/checkpoint.ts'
import type { CheckpointDifference, RawDifference } from '../checkpoint/read-differences.ts'
import { storeIdText } from '../store/store-id.ts'
import { chooseStores, type ChosenStores } from './chosen-stores.ts'
import { type Command, COMMON_OPTIONS } from './command.ts'
import { hexJson, jsonHead, jsonOf } from './row-text.ts'
import { type SortableLine, sortedLinesOf } from './sorted-lines-of.ts'
import { GroupedTable, shortened } from './table.ts'
import { UsageError } from './usage-error.ts'

export const commandDiff: Command = {
  verb: 'diff',
  summary: 'Print what is not the same at two versions, or after two batches',
  details: `Takes --batch a --batch b or --version a --version b: what has to be done to the first to get the second. Sorted by
operator, store name, partition, then the text of the key. With --json a line is
  {"type":"changed","p":0,"key":{…},"before":{…},"after":{…}}
where type is added, removed or changed, and what is not there is null; with "o" and "s" as in \`rows\`. Of stores
without a schema, or with --hex, the key is "k", and it and the values are in hex. Exit code 0, whether there are
differences or not. Both versions of one store at a time are in memory.`,
  options: [
    ...COMMON_OPTIONS.slice(0, 3),
    'join-side',
    'version',
    'batch',
    'hex',
    ...COMMON_OPTIONS.slice(3),
  ],
  statesMax: 2,
  run: async (args, output) => {
    const { checkpoint: location, selection, joinSide, at, overrides, json } = args
    const [from, to] = at
    if (at.length !== 2)
      throw new UsageError('Expected --batch or --version twice, for the two sides to compare')
    await using checkpoint = await openCheckpoint(location, overrides)
    const stores = await chooseStores(checkpoint, args)
    const chosen = { ...selection, joinSide, from, to }
    const lines = stores.inTypes
      ? typedLines(checkpoint.differences(chosen), stores, json)
      : hexLines(checkpoint.rawDifferences(chosen), stores, json)
    const table = new GroupedTable(COLUMNS, output)
    let count = 0
    for await (const { group, text } of sortedLinesOf(lines)) {
      if (json) await output.line(text)
      else await table.row(group, text.split('\0').map(shortened))
      count++
    }
    if (!json) await table.end(count, 'difference')
    return 0
  },
}

const COLUMNS = [{ title: 'type' }, { title: 'key' }, { title: 'before' }, { title: 'after' }]

async function* typedLines(
  differences: AsyncIterable<CheckpointDifference>,
  { owner }: ChosenStores,
  asJson: boolean,
): AsyncGenerator<SortableLine, void, void> {
  for await (const { store, type, schema, key, before, after } of differences) {
    const keyJson = jsonOf(schema.key, key)
    const [was, is] = [jsonOf(schema.value, before), jsonOf(schema.value, after)]
    const head = jsonHead({ ...owner(store), type, p: store.partitionId })
    yield {
      group: `Store ${storeIdText(store)}`,
      key: keyJson,
      text: asJson
        ? `${head},"key":${keyJson},"before":${was},"after":${is}}`
        : [type, keyJson, before && was, after && is].map((cell) => cell ?? '').join('\0'),
    }
  }
}

async function* hexLines(
  differences: AsyncIterable<RawDifference>,
  { owner }: ChosenStores,
  asJson: boolean,
): AsyncGenerator<SortableLine, void, void> {
  for await (const { store, type, key, before, after } of differences) {
    const head = jsonHead({ ...owner(store), type, p: store.partitionId })
    const k = toHex(key)
    yield {
      group: `Store ${storeIdText(store)}`,
      key: k,
      text: asJson
        ? `${head},"k":${hexJson(key)},"before":${hexJson(before)},"after":${hexJson(after)}}`
        : [type, k, before && toHex(before), after && toHex(after)]
            .map((cell) => cell ?? '')
            .join('\0'),
    }
  }
}
