// The file manager contract and that of conditional writes on real S3 services; and what only a real one can show.

import { expect, test } from 'vitest'
import { type S3Options, S3FileManager } from '../../src/files/s3/s3.ts'
import { conditionalWritesContract } from '../../src/testing/conditional-writes-contract.ts'
import { bytesOf, fileManagerContract, namesIn } from '../../src/testing/file-manager-contract.ts'
import { StateStores } from '../../src/index.ts'
import { ID } from '../../src/testing/stores.ts'
import type { S3Server } from '../support/s3/servers.ts'
import { s3Faults } from '../support/s3/s3-faults.ts'
import { describeOnS3, describeWithS3 } from '../support/s3/with-s3.ts'

const PART_SIZE_BYTES = 5 * 1024 * 1024
let count = 0

function optionsFor({ endpoint, region, credentials }: S3Server): S3Options {
  return { endpoint, region, credentials, partSizeBytes: PART_SIZE_BYTES }
}

describeOnS3('files', (server, kind) => {
  const create = async () => {
    const location = server().location(`files-${++count}/check point`)
    const open = () => S3FileManager.open(location, optionsFor(server()))
    return {
      files: await open(),
      another: open,
      dispose: async () => (await open()).deleteTree(''),
    }
  }

  fileManagerContract('s3', { create, onlyObjects: true })
  conditionalWritesContract('s3', {
    create,
    partSizeBytes: PART_SIZE_BYTES,
    listsUploads: kind !== 'minio',
  })

  test('a listing of more entries than fit on a page is whole, and so is its deletion', async () => {
    const { files, dispose } = await create()
    const all = Array.from({ length: 1100 }, (_, index) => `file-${index}`).sort()
    for (let start = 0; start < all.length; start += 50) {
      const some = all.slice(start, start + 50)
      await Promise.all(some.map((name) => files.createExclusive(`dir/${name}`, bytesOf(''), 'os')))
    }
    expect(await namesIn(files, 'dir')).toEqual(all)
    const behind = (await files.list('dir', all[49])) ?? []
    expect(behind.map(({ name }) => name)).toEqual(expect.arrayContaining(all.slice(50)))
    await files.deleteTree('dir')
    expect(await files.list('dir')).toBeUndefined()
    await dispose()
  })

  test('a bucket that is not there, and a wrong secret, are told', async () => {
    const options = optionsFor(server())
    const elsewhere = await S3FileManager.open('s3://no-such-bucket/a', options)
    for (const call of [
      () => elsewhere.stat('a'),
      () => elsewhere.list('a'),
      () => elsewhere.read('a'),
      () => elsewhere.createExclusive('a', bytesOf('x'), 'os'),
    ])
      await expect(call(), String(call)).rejects.toMatchObject({
        code: 'TIDEMARK_INVALID_OPTIONS',
        message: expect.stringContaining('no such bucket'),
      })
    const secretAccessKey = 'not-the-secret-of-anybody'
    const credentials = { ...server().credentials, secretAccessKey }
    const stranger = await S3FileManager.open(server().location('a'), { ...options, credentials })
    const error = await stranger.read('a').catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({
      code: 'TIDEMARK_STORAGE_UNAVAILABLE',
      message: expect.stringContaining('does not accept who we are'),
    })
  })

  test('moves and files under temporary names are not supported, and say so', async () => {
    const { files } = await create()
    for (const call of [
      () => files.createFile('a', 'os'),
      () => files.moveIfAbsent('a', 'b', 'os'),
      () => files.moveReplacing('a', 'b', 'os'),
      () => files.moveDirectory('a', 'b'),
    ])
      await expect(call()).rejects.toMatchObject({ code: 'TIDEMARK_UNSUPPORTED' })
  })
})
describeOnS3('behind a network that fails', (server) => s3Faults(server))

describeWithS3('s3rver', 'a service that ignores conditions', (server) => {
  test('is refused by the probe and by every claim, by name, and nothing is left there', async () => {
    const files = await S3FileManager.open(server().location('checkpoint'), optionsFor(server()))
    const refusal = {
      code: 'TIDEMARK_UNSUPPORTED',
      message: expect.stringContaining(server().endpoint),
    }
    await expect(files.conditional.probe()).rejects.toMatchObject(refusal)
    const stores = await StateStores.open(files, { maintenanceIntervalMs: 0 })
    await expect(stores.provider(ID).getStore()).rejects.toMatchObject(refusal)
    await stores.close()
    expect(await files.list('')).toBeUndefined()
  })
})
