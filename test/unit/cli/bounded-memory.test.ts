// A store whose lines are several times what the process may hold is printed in the order of its keys all the same: the heap of the child process
// is capped, so a reader that held the lines would die.

import { spawn } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { printSchemaFile } from '../../../src/checkpoint/schema-file.ts'
import { encodeRow } from '../../../src/codec/unsafe-row/encode-row.ts'
import { parseSchemaJson } from '../../../src/codec/unsafe-row/schema-json.ts'
import { StateStores } from '../../../src/index.ts'
import { temporaryFolder } from '../../support/checkpoint-folder.ts'

const MAIN = join(import.meta.dirname, '../../../src/cli/main.ts')

const ROWS = 100_000
const TEXT = 'x'.repeat(900)
const HEAP_MIB = 48

const schemaOf = (name: string) =>
  `{"type":"struct","fields":[{"name":"${name}","type":"string","nullable":true,"metadata":{}}]}`

test('rows of 90 MB in types, with a heap of 48 MiB, come in order', async () => {
  await using folder = await temporaryFolder()
  await writeTyped(folder.path)
  const args = [`--max-old-space-size=${HEAP_MIB}`, MAIN, 'rows', folder.path, '--json']
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  const ended = new Promise((resolve) => child.on('close', resolve))
  let count = 0
  // Keys are of one length, so the lines are in the order of their keys.
  for await (const line of createInterface(child.stdout)) {
    if (!line.startsWith(`{"p":0,"key":{"k":"${String(count).padStart(8, '0')}"}`)) break
    count++
  }
  expect({ count, code: await ended }).toEqual({ count: ROWS, code: 0 })
})

/** One version of one store, keys in no order, with schemas beside. */
async function writeTyped(path: string): Promise<void> {
  const [keySchemaJson, valueSchemaJson] = [schemaOf('k'), schemaOf('v')]
  const [key, value] = [parseSchemaJson(keySchemaJson), parseSchemaJson(valueSchemaJson)]
  await using stores = await StateStores.open(path, { durability: 'os' })
  const store = await stores.provider({ operatorId: 0, partitionId: 0 }).getStore()
  for (let i = 0; i < ROWS; i++) {
    const name = String((i * 7919) % ROWS).padStart(8, '0')
    store.put(encodeRow(key, [name]), encodeRow(value, [TEXT]))
  }
  await store.commit()
  const ids = { keySchemaId: 0, valueSchemaId: 0 }
  const families = [{ name: 'default', keySchemaJson, valueSchemaJson, ...ids }]
  await mkdir(join(path, 'state/0/0/_metadata'), { recursive: true })
  const schema = printSchemaFile({ formatVersion: 2, families })
  await writeFile(join(path, 'state/0/0/_metadata/schema'), schema)
}
