// A request of writer A that reaches the service late: A's connections are cut, and cut again whenever it asks, and what it sent arrives when
// successor B has got somewhere. Each kind of request that changes something meets each point of B's way.
//
// - what is read never changes by what arrives, once B has claimed and opened the store
// - before that, B goes on from what it finds, and A was told that nobody knows
// - a batch is there once, or not at all

import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type S3Options, S3FileManager } from '../../../src/files/s3/s3.ts'
import { StateStores, verifyCheckpoint } from '../../../src/index.ts'
import type { StateStoreProvider } from '../../../src/store/provider.ts'
import { FaultProxy, type ProxiedRequest } from '../fault-proxy.ts'
import { ID, text } from '../../../src/testing/stores.ts'
import { checkVersion, commitNext, commitTagged, type Lineage } from '../lineage.ts'
import { attempt, type Attempt } from '../zombie.ts'
import type { FaultyS3 } from './s3-faults.ts'

const PART_SIZE_BYTES = 5 * 1024 * 1024
/** Does not compress. */
const LARGE = randomBytes(PART_SIZE_BYTES + 100_000)
/** Versions that lie there when A acts, but where it says otherwise. */
const HISTORY_LENGTH = 4
const OPTIONS = { maintenanceIntervalMs: 0, minDeltasForSnapshot: 2, minBatchesToRetain: 1 }
let count = 0

interface LateWrite {
  readonly title: string
  /** What A has done before, when all is well. */
  readonly arrange?: (provider: StateStoreProvider) => Promise<void>
  /** A has yet to claim, from somebody else. 'in vain': it gets no claim, and may well ask for another. */
  readonly claims?: 'in vain' | 'first'
  /** A's own batch, which B goes on from if it finds it. */
  readonly commits?: boolean
  readonly isLate: (request: ProxiedRequest) => boolean
  readonly act: (provider: StateStoreProvider) => Promise<number | void>
}

const endsWith =
  (method: string, name: string, parameter?: string) =>
  ({ method: found, path, query }: ProxiedRequest): boolean =>
    found === method &&
    path.endsWith(name) &&
    (parameter === undefined ? !query.has('uploadId') : query.has(parameter))

const WRITES: readonly LateWrite[] = [
  {
    title: 'commit',
    commits: true,
    isLate: endsWith('PUT', '/5.delta'),
    act: (provider) => commitLate(provider),
  },
  {
    title: 'commit in parts',
    commits: true,
    isLate: endsWith('POST', '/5.delta', 'uploadId'),
    act: (provider) => commitLate(provider, undefined, LARGE),
  },
  {
    title: 'replacement of the newest version',
    commits: true,
    isLate: endsWith('PUT', '/4.delta'),
    act: (provider) => commitLate(provider, 3),
  },
  {
    title: 'claim',
    claims: 'in vain',
    isLate: ({ method, path }) => method === 'PUT' && path.includes('/writers/'),
    act: async (provider) => void (await provider.getStore()),
  },
  {
    title: 'stamp on what it takes over',
    claims: 'first',
    isLate: endsWith('PUT', '/4.delta'),
    act: async (provider) => void (await provider.getStore()),
  },
  {
    title: 'snapshot',
    isLate: endsWith('PUT', '/4.snapshot'),
    act: (provider) => provider.doMaintenance(),
  },
  {
    title: 'cleaning',
    arrange: async (provider) => {
      await provider.doMaintenance()
      await commitNext(provider, 'more')
    },
    isLate: ({ method }) => method === 'DELETE',
    act: (provider) => provider.doMaintenance(),
  },
]

async function commitLate(
  provider: StateStoreProvider,
  version?: number,
  value?: Uint8Array,
): Promise<number> {
  await using store = await provider.getStore(version)
  if (value !== undefined) {
    store.put(text('large'), value)
    // The rows of a version are told by who made it, so it must not stay.
    store.remove(text('large'))
  }
  return await commitTagged(store, 'late')
}

const MOMENTS = [
  'before its successor claims',
  'when its successor has opened the store',
  'when its successor has committed once',
  'when its successor has committed twice',
] as const

export function s3LateWrites(service: () => FaultyS3): void {
  let proxy: FaultProxy
  let location: string

  beforeEach(async () => {
    const { host, port, bucket } = service()
    proxy = await FaultProxy.start([{ host, port }])
    location = `s3://${bucket}/late-${++count}`
  })
  afterEach(async () => {
    await (await open(service())).deleteTree('')
    await proxy.close()
  })

  const open = (
    { host, port }: { readonly host: string; readonly port: number },
    more: S3Options = {},
  ): Promise<S3FileManager> =>
    S3FileManager.open(location, {
      endpoint: `http://${host}:${port}`,
      region: 'us-east-1',
      credentials: service().credentials,
      partSizeBytes: PART_SIZE_BYTES,
      ...more,
    })

  /** What anybody reads who asks now. */
  async function lineageRead(): Promise<Lineage> {
    await using reader = await StateStores.open(await open(service()), { readOnly: true })
    const provider = reader.provider(ID)
    return await checkVersion(provider, await provider.latestVersion())
  }

  describe.each(WRITES)('the $title of an older writer, which arrives', (write) => {
    describe.each(MOMENTS)('%s', (moment) => {
      test.each(['appends', 'undoes'] as const)('and that one %s', async (succession) => {
        const [behindProxy] = proxy.addresses
        // It asks again, but not for long.
        const openA = async (): Promise<StateStores> =>
          await StateStores.open(await open(behindProxy, { retryTimeMs: 0 }), OPTIONS)
        const former = await openA()
        for (let version = 1; version <= HISTORY_LENGTH; version++)
          await commitNext(former.provider(ID), `A${version}`)
        const a = write.claims === undefined ? former : await openA()
        await write.arrange?.(a.provider(ID))
        const late = proxy.inject({
          when: write.isLate,
          lasts: true,
          fault: { do: 'deliverLate' },
        })
        const told = await attempt(write.title, () => write.act(a.provider(ID)), 'late')
        expect(late.struck.length, 'requests that were held').toBeGreaterThan(0)
        expect(told.code).toMatch(
          /^TIDEMARK_(COMMIT_OUTCOME_UNKNOWN|STORAGE_(TIMEOUT|UNAVAILABLE))$/,
        )

        const b = await StateStores.open(await open(service()), OPTIONS)
        const provider = b.provider(ID)
        const deliver = async (now: (typeof MOMENTS)[number]): Promise<void> => {
          if (moment !== now) return
          const before = await lineageRead()
          await late.deliver()
          if (now !== MOMENTS[0]) expect(await lineageRead(), `read ${now}`).toEqual(before)
        }
        await deliver(MOMENTS[0])
        const found = await provider.getStore()
        await found.abort()
        await deliver(MOMENTS[1])
        const from = succession === 'undoes' ? found.version - 1 : found.version
        await commitNext(provider, 'B1', from)
        await deliver(MOMENTS[2])
        await commitNext(provider, 'B2')
        await deliver(MOMENTS[3])

        proxy.heal()
        if (write.claims !== 'in vain') await expectOvertaken(a.provider(ID), told)
        await commitNext(provider, 'B3')
        await provider.doMaintenance()
        const lineage = await lineageRead()
        expect(lineage.slice(from)).toEqual(['B1', 'B2', 'B3'])
        expect(new Set(lineage).size, 'a batch is there twice').toBe(lineage.length)
        const isAdopted = moment === MOMENTS[0] && write.commits && succession === 'appends'
        expect(lineage.includes('late'), 'the batch of A is there').toBe(isAdopted === true)
        const findings = await verifyCheckpoint(await open(service()))
        expect(findings.filter(({ severity }) => severity === 'error')).toEqual([])
        for (const stores of [b, a, former]) await stores.close()
      })
    })
  })

  /** A, which goes on as if nothing had happened. */
  async function expectOvertaken(provider: StateStoreProvider, told: Attempt): Promise<void> {
    const next = await attempt('commit', () => commitNext(provider, 'zombie'), 'zombie')
    expect(next.code, `${next.message}, after ${told.code}`).toBe('TIDEMARK_FENCED')
  }
}
