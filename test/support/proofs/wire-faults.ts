// A life of a store over HTTP, in which the wire does something to one request, or to all from one on: each kind of request meets each kind of
// fault. The caller gets success or a typed error, what was acknowledged stays, nothing is there twice, and the next commit works when the fault
// is gone.
//
// A kind of request is its operation, whether it went to the first server or to where that one redirected, and its path without what varies.

import { createServer, type Server } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CheckpointFileManager, StateStores } from '../../../src/index.ts'
import {
  checkRecovered,
  commitOver,
  Ledger,
  playFirstWriter,
  SCENARIO_STORE,
  scenarioOptions,
} from '../crash-scenario.ts'
import { Failures } from '../failures.ts'
import { playWithFault } from '../fault-play.ts'
import { type Fault, FaultProxy, type ProxiedRequest } from '../fault-proxy.ts'

export interface WireAddress {
  readonly host: string
  readonly port: number
}

export interface WireStorage {
  /** The servers of a location, to be put behind the proxy. */
  readonly servers: readonly WireAddress[]
  /**
   * A manager of the checkpoint at `path`, whose servers are at `addresses`. 127.0.0.1 is the only host it may be redirected to. Its patience must
   * be short: some faults are silence.
   */
  open(addresses: readonly WireAddress[], path: string): Promise<CheckpointFileManager>
}

export interface WireFaultOptions {
  /** For all kinds of requests with one fault, milliseconds. */
  readonly timeoutMs: number
  /** Each fault is done to every so manieth kind of request, another one for each fault. Default 1: to all. */
  readonly step?: number
}

/** Loopback, but not where anything may be sent. */
const FORBIDDEN_HOST = '127.0.0.2'
/** Rounds as a life of a store has them: fewer kinds would mean that they are not told apart. */
const KINDS_MIN = 15

/** When something arrives that comes late. */
const MOMENTS = ['before the store goes on', 'when it has gone on'] as const

interface WireFault {
  readonly fault: Fault
  /** All that follow, too, until the fault ends. */
  readonly lasts?: boolean
}

const html = '<html><body>Something went wrong</body></html>'
const FAULTS: Readonly<Record<string, WireFault>> = {
  'is delayed': { fault: { do: 'delay', ms: 100 } },
  'is never answered': { fault: { do: 'hang' } },
  'is cut off before it arrives': { fault: { do: 'resetBefore' } },
  'and all that follow are cut off': { fault: { do: 'resetBefore' }, lasts: true },
  'is done, and the answer lost': { fault: { do: 'loseAnswer' } },
  'and all that follow are done, and the answers lost': {
    fault: { do: 'loseAnswer' },
    lasts: true,
  },
  'is answered half': { fault: { do: 'cutAnswer', bytes: 7 } },
  'arrives half': { fault: { do: 'cutRequest', bytes: 9 } },
  'is answered by 500': { fault: { do: 'answer', status: 500, body: html } },
  'and all that follow are answered by 503': {
    fault: { do: 'answer', status: 503, body: html },
    lasts: true,
  },
  'is answered by a stranger': { fault: { do: 'answer', status: 200, body: '{"welcome":true}' } },
  'is answered by a stranger: not found': { fault: { do: 'answer', status: 404, body: html } },
  'is sent to a forbidden host': { fault: { do: 'redirect', to: 'set when the trap is open' } },
  'is sent to a file URL': { fault: { do: 'redirect', to: 'file:///etc/passwd' } },
  'is sent in a circle': { fault: { do: 'circle' } },
  'arrives late': { fault: { do: 'deliverLate' } },
}

/** The operation, the leg, and the paths with all that varies left out. */
function kindOf({ op, leg, path, query }: ProxiedRequest): string {
  const plain = (text: string): string =>
    text
      .replace(/^.*\/checkpoint\b/, '')
      .replaceAll(/[0-9a-f]{8,}/g, '#')
      .replaceAll(/\d+/g, '#')
  const target = query.get('destination')
  return `${op} ${leg} ${plain(path)}${target === null ? '' : ` → ${plain(target)}`}`
}

export function wireFaults(
  openStorage: () => Promise<WireStorage>,
  { timeoutMs, step = 1 }: WireFaultOptions,
): void {
  describe('a request in the life of a store', () => {
    let storage: WireStorage
    let proxy: FaultProxy
    let trap: Server
    let trapped = 0
    /** How often each kind of request is made in a life. */
    const kinds = new Map<string, number>()
    let checkpoints = 0
    beforeAll(async () => {
      trap = createServer((socket) => {
        trapped++
        socket.destroy()
      })
      await new Promise<void>((resolve) => trap.listen(0, FORBIDDEN_HOST, resolve))
      storage = await openStorage()
      proxy = await FaultProxy.start(storage.servers)
      await playFirstWriter(
        await StateStores.open(await newFiles(), scenarioOptions({})),
        new Ledger(),
      )
      for (const kind of proxy.requests.map(kindOf)) kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
    })
    afterAll(async () => {
      trap.close()
      await proxy?.close()
    })

    function newFiles(): Promise<CheckpointFileManager> {
      return storage.open(proxy.addresses, `${++checkpoints}/checkpoint`)
    }

    function faultOf({ fault }: WireFault): Fault {
      if (fault.do !== 'redirect' || fault.to.startsWith('file:')) return fault
      const address = trap.address()
      const port = typeof address === 'object' ? address?.port : undefined
      return { do: 'redirect', to: `http://${FORBIDDEN_HOST}:${port}/webhdfs/v1/x?op=OPEN` }
    }

    /** One life, in which the `nth` request of that kind is struck. Resolves to how many were. */
    async function live(
      kind: string,
      nth: number,
      wireFault: WireFault,
      moment: (typeof MOMENTS)[number],
    ): Promise<number> {
      const { lasts = false } = wireFault
      const when = (request: ProxiedRequest): boolean =>
        kindOf(request) === kind || (lasts && injected.struck.length > 0)
      const injected = proxy.inject({ when, nth, lasts, fault: faultOf(wireFault) })
      const deliver = async (): Promise<void> => void (await injected.deliver())
      const heal = async (): Promise<void> => {
        proxy.heal()
        if (moment === 'before the store goes on') await deliver()
      }
      try {
        await playWithFault(await newFiles(), heal, {}, deliver, { failsForCertain: true })
      } finally {
        proxy.heal()
      }
      return injected.struck.length
    }

    test.each(Object.entries(FAULTS))('%s', { timeout: timeoutMs }, async (name, wireFault) => {
      expect(kinds.size).toBeGreaterThan(KINDS_MIN)
      const failures = new Failures()
      const offset = Object.keys(FAULTS).indexOf(name)
      let struck = 0
      for (const [index, [kind, count]] of [...kinds].entries()) {
        if ((index + offset) % step !== 0) continue
        // A body can be cut only where there is one.
        if (wireFault.fault.do === 'cutRequest' && !kind.startsWith('CREATE redirected')) continue
        // The first one, or the second: a rewind, a snapshot and a commit are not the same.
        const nth = Math.min(count, 1 + ((index + offset) % 2))
        const moments = wireFault.fault.do === 'deliverLate' ? MOMENTS : MOMENTS.slice(0, 1)
        try {
          for (const moment of moments) struck += await live(kind, nth, wireFault, moment)
        } catch (error) {
          failures.add(undefined, `${kind} (${nth})`, error)
        }
      }
      failures.report()
      console.log(`${struck} requests of ${kinds.size} kinds: ${name}`)
      expect(struck, 'requests struck').toBeGreaterThan(0)
      expect(trapped, 'connections to a forbidden host').toBe(0)
    })

    test('a removal that arrives when its version was committed anew takes nothing away', async () => {
      const files = await newFiles()
      const ledger = new Ledger()
      const options = { minDeltasForSnapshot: 100, checksumFiles: false }
      const stores = await StateStores.open(files, scenarioOptions(options))
      const provider = stores.provider(SCENARIO_STORE)
      for (let n = 1; n <= 4; n++) await commitOver(provider, ledger, n - 1, n)
      const removal = proxy.inject({
        when: ({ op, path }) => op === 'RENAME' && path.endsWith('/state/0/0/4.delta'),
        fault: { do: 'deliverLate' },
      })
      const rewind = commitOver(provider, ledger, 1, 9)
      await expect(rewind).rejects.toThrow(/Error committing version 2/)
      expect(removal.struck).toHaveLength(1)
      // The same writer goes on: it commits 4 anew, and then the removal of the old 4 arrives.
      ledger.underway = undefined
      await commitOver(provider, ledger, 3, 44)
      expect(await removal.deliver()).toEqual([404])
      await checkRecovered(files, options, ledger, stores)
    })

    test('a publication that arrives when its commit was refused finds nothing to publish', async () => {
      const files = await newFiles()
      const ledger = new Ledger()
      const stores = await StateStores.open(files, scenarioOptions({}))
      const provider = stores.provider(SCENARIO_STORE)
      for (let n = 1; n <= 2; n++) await commitOver(provider, ledger, n - 1, n)
      const publication = proxy.inject({
        when: ({ query }) => query.get('destination')?.endsWith('/state/0/0/3.delta') === true,
        fault: { do: 'deliverLate' },
      })
      const commit = commitOver(provider, ledger, 2, 3)
      await expect(commit).rejects.toThrow(/Error committing version 3/)
      expect(publication.struck).toHaveLength(1)
      expect(await publication.deliver()).toEqual([404])
      ledger.underway = undefined
      await checkRecovered(files, {}, ledger, stores)
    })
  })
}
