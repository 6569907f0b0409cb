// No object of ours ever lies under another: where `a` is an object, `a/b` is none, at no time. Some services refuse such a key (versitygw: 409
// ObjectParentIsFile), on others a listing shows a folder and a file of one name. A late write may put any key beside any other, whatever was deleted
// between them, so all the keys that were ever written are held against each other.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { S3FileManager } from '../../../src/files/s3/s3.ts'
import type { StateStoreOptions } from '../../../src/store/options.ts'
import type { StoreId } from '../../../src/store/store-id.ts'
import { StateStores } from '../../../src/coordinator/state-stores.ts'
import { commitRows, commitVersions, failure, QUIET, text } from '../../../src/testing/stores.ts'
import { FakeS3 } from '../../support/s3/fake-s3.ts'

const PART_SIZE_BYTES = 5 * 1024 * 1024
/** Names that lie beside each other, look like what is in a folder, or like the folders of others. */
const STORES: readonly StoreId[] = [
  { operatorId: 0, partitionId: 0 },
  { operatorId: 0, partitionId: 0, storeName: 'left-keyToNumValues' },
  { operatorId: 0, partitionId: 0, storeName: '1' },
  { operatorId: 0, partitionId: 0, storeName: '1.deltas' },
  { operatorId: 0, partitionId: 0, storeName: '0000000000000001' },
  { operatorId: 0, partitionId: 1, storeName: 'default' },
  { operatorId: 1, partitionId: 0, storeName: '0' },
]
const OPTIONS: StateStoreOptions = {
  ...QUIET,
  minDeltasForSnapshot: 2,
  minBatchesToRetain: 1,
}

let service: FakeS3
const written = new Set<string>()
const removed = new Set<string>()

beforeAll(async () => {
  service = await FakeS3.start()
  const { objects, uploads } = service
  const record = (key: string): void => void written.add(key)
  const setObject = objects.set.bind(objects)
  objects.set = (key, object) => {
    record(key)
    return setObject(key, object)
  }
  const setUpload = uploads.set.bind(uploads)
  uploads.set = (id, upload) => {
    record(upload.key)
    return setUpload(id, upload)
  }
  const remove = objects.delete.bind(objects)
  objects.delete = (key) => {
    if (objects.has(key)) removed.add(key)
    return remove(key)
  }
})
afterAll(() => service[Symbol.asyncDispose]())

async function writer(): Promise<StateStores> {
  const { endpoint, bucket } = service
  const credentials = { accessKeyId: 'test', secretAccessKey: 'testsecret' }
  const options = { endpoint, credentials, partSizeBytes: PART_SIZE_BYTES }
  return StateStores.open(await S3FileManager.open(`s3://${bucket}/job`, options), OPTIONS)
}

/** One store from its first commit to its cleaning, by two writers. */
async function live(id: StoreId, a: StateStores, b: StateStores): Promise<void> {
  const former = a.provider(id)
  await commitVersions(former, 5)
  await commitRows(former, { undone: 'x' }, { from: 4, rewind: 'allow' })
  await former.doMaintenance()
  await commitRows(former, { progressed: 'x' }, { progress: { offset: 1 }, committedThrough: 5 })
  const open = await former.getStore()
  open.put(text('late'), text('x'))
  const successor = b.provider(id)
  await commitRows(successor, { taken: 'over' })
  await failure('TIDEMARK_FENCED', () => open.commit())
  for (let count = 0; count < 4; count++) {
    await commitVersions(successor, 3)
    await successor.doMaintenance()
  }
}

test('in the whole life of stores no key is under another', async () => {
  const a = await writer()
  const b = await writer()
  for (const id of STORES) await live(id, a, b)
  const large = await b.provider(STORES[0]).getStore()
  for (let row = 0; row < 8; row++) large.put(text(`row ${row}`), noise(1024 * 1024, row))
  await large.commit()
  await b.close()
  await a.close()

  // Else this was no whole life.
  const kinds = [/\.delta$/, /\.snapshot$/, /_tidemark\/writers\//, /_probe-/]
  for (const kind of kinds)
    expect(
      [...written].some((key) => kind.test(key)),
      `${kind}`,
    ).toBe(true)
  expect([...removed].filter((key) => /\.(delta|snapshot)$/.test(key)).length).toBeGreaterThan(10)
  expect(keysUnderOthers([...written])).toEqual([])
})

function keysUnderOthers(keys: readonly string[]): string[] {
  const all = new Set(keys)
  return keys.filter((key) => {
    const segments = key.split('/')
    return segments.some((_, index) => index > 0 && all.has(segments.slice(0, index).join('/')))
  })
}

/** Does not compress. */
function noise(sizeBytes: number, seed: number): Uint8Array {
  const bytes = new Uint32Array(sizeBytes / 4)
  let state = seed + 1
  for (let index = 0; index < bytes.length; index++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[index] = state ^ (state >>> 13)
  }
  return new Uint8Array(bytes.buffer)
}
