// The options of calls: what is misspelt is refused where it comes in, and nothing has happened.

import { describe, expect, test } from 'vitest'
import type { GetReadStoreOptions } from '../../../src/store/provider.ts'
import type { CommitOptions } from '../../../src/store/state-store.ts'
import type { GetStoreOptions } from '../../../src/store/store-writer.ts'
import { expectClean, openProvider, readRows, text } from '../../../src/testing/stores.ts'

describe('an option that there is not', () => {
  test('is refused by commit, and the store can still be committed', async () => {
    await using opened = await openProvider()
    const store = await opened.provider.getStore()
    store.put(text('a'), text('1'))
    const wrong: [options: unknown, message: string][] = [
      [
        { offset: 3 },
        'Unknown option `offset` of commit; its options are progress, committedThrough, signal',
      ],
      [{ progress: 1, ofset: undefined }, 'Unknown option `ofset` of commit'],
      [{ toString: 1 }, 'Unknown option `toString` of commit'],
      [{ signal: 'no' }, 'Expected option `signal` of commit to be an AbortSignal, got "no"'],
      [null, 'Expected the options of commit to be an object, got null'],
      [3, 'Expected the options of commit to be an object, got 3'],
    ]
    for (const [options, message] of wrong) {
      const refused = store.commit(options as CommitOptions)
      await expect(refused).rejects.toBeInstanceOf(TypeError)
      await expect(refused).rejects.toThrow(message)
      expect(store.state).toBe('updating')
    }
    store.put(text('b'), text('2'))
    expect(await store.commit({ progress: { offset: 3 } })).toBe(1)
    expect((await opened.provider.getReadStore()).progress).toEqual({ offset: 3 })
    expect(await readRows(opened.provider)).toEqual({ a: '1', b: '2' })
    await expectClean(opened.files)
  })

  test('is refused by getStore and getReadStore, before anything is claimed', async () => {
    await using opened = await openProvider()
    const { provider } = opened
    const refused: [opening: Promise<unknown>, message: string][] = [
      [
        provider.getStore(0, { rewnd: 'allow' } as GetStoreOptions),
        'Unknown option `rewnd` of getStore; its options are committedThrough, rewind, signal',
      ],
      [
        provider.getStore(0, { rewind: true } as never),
        "Expected option `rewind` of getStore to be 'allow', got true",
      ],
      [
        provider.getStore(0, null as never),
        'Expected the options of getStore to be an object, got null',
      ],
      [
        provider.getReadStore(0, { rewind: 'allow' } as GetReadStoreOptions),
        'Unknown option `rewind` of getReadStore; its options are signal',
      ],
    ]
    for (const [opening, message] of refused) {
      await expect(opening).rejects.toBeInstanceOf(TypeError)
      await expect(opening).rejects.toThrow(message)
    }
    expect(await opened.files.stat('')).toBeUndefined()
  })
})
