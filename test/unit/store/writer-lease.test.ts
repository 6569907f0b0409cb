import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { CheckpointFileManager } from '../../../src/files/file-manager.ts'
import { LocalFileManager } from '../../../src/files/local.ts'
import { MemoryFileManager } from '../../../src/files/memory.ts'
import { countingFiles } from '../../../src/testing/counting-files.ts'
import { commitVersions, DIRECTORY, openProvider } from '../../../src/testing/stores.ts'
import { writerLeaseContract } from '../../../src/testing/writer-lease-contract.ts'
import { MemoryObjects } from '../../support/memory-objects.ts'

writerLeaseContract('memory', {
  createFiles: async () => {
    const files = new MemoryFileManager()
    return {
      files,
      another: async () => new MemoryFileManager({ disk: files.disk }),
      dispose: async () => undefined,
    }
  },
})

/** As on storage where a claim is a folder. */
function makingLabelled(files: MemoryFileManager): CheckpointFileManager {
  const makeLabelledDirectory: CheckpointFileManager['makeLabelledDirectory'] = async (
    directory,
    label,
    durability,
  ) => {
    const outcome = await files.makeDirectory(directory, durability)
    if (outcome === 'created') await files.makeDirectory(`${directory}/${label}`, durability)
    return outcome
  }
  return new Proxy<CheckpointFileManager>(files, {
    get(_, property) {
      if (property === 'makeLabelledDirectory') return makeLabelledDirectory
      const member: unknown = Reflect.get(files, property, files)
      return typeof member === 'function' ? (member.bind(files) as unknown) : member
    },
  })
}

writerLeaseContract('memory where a claim is a folder', {
  createFiles: async () => {
    const files = new MemoryFileManager()
    return {
      files: makingLabelled(files),
      another: async () => makingLabelled(new MemoryFileManager({ disk: files.disk })),
      dispose: async () => undefined,
    }
  },
})

writerLeaseContract('objects in memory', {
  onlyObjects: true,
  createFiles: async () => {
    const files = new MemoryObjects()
    return {
      files,
      another: async () => new MemoryObjects(files.storage),
      dispose: async () => undefined,
    }
  },
})

writerLeaseContract('local disk', {
  createFiles: async () => {
    const root = await mkdtemp(join(tmpdir(), 'tidemark-lease-'))
    const location = join(root, 'checkpoint')
    return {
      files: await LocalFileManager.open(location),
      another: () => LocalFileManager.open(location),
      dispose: () => rm(root, { recursive: true }),
    }
  },
})

// A listing is a request where storage is far away, and there is a round every half minute.
test.each([
  ['that must be tried whether files can be moved', new MemoryFileManager(), 2, 1],
  ['that always can', withoutProbe(new MemoryFileManager()), 1, 1],
  ['without moves', new MemoryObjects(), 1, 0],
])(
  'on storage %s, maintenance lists the folders where something may have been left',
  async (_, inner, ofStore, ofStaging) => {
    const { files, calls } = countingFiles(inner)
    await using opened = await openProvider({}, files)
    await commitVersions(opened.provider, 1)
    calls.length = 0
    await opened.provider.doMaintenance()
    const listed = calls.filter(({ method }) => method === 'list').map(({ args }) => args[0])
    expect(listed.filter((path) => path === DIRECTORY)).toHaveLength(ofStore)
    expect(listed.filter((path) => path === '_tidemark/staging/0/0/default')).toHaveLength(
      ofStaging,
    )
  },
)

function withoutProbe(files: MemoryFileManager): CheckpointFileManager {
  return new Proxy<CheckpointFileManager>(files, {
    get(_, property) {
      if (property === 'probeMove') return undefined
      const member: unknown = Reflect.get(files, property, files)
      return typeof member === 'function' ? (member.bind(files) as unknown) : member
    },
  })
}
