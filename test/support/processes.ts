// Child processes that do what they are told: a script calls `serve` with what it can do, the test calls that through ServingProcess. They are
// killed by pid only, all of them when the test process exits; and a child whose parent is gone exits by itself.

import { fork, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

interface Request {
  readonly id: number
  readonly method: string
  readonly argument: unknown
}

type Reply =
  { readonly id: number; readonly value: unknown } | { readonly id: number; readonly error: string }

/** How often a process is looked at while we wait for it to stop, milliseconds. */
const LOOK_EVERY_MS = 1
/** How long it may take to stop or to end. */
const PATIENCE_MS = 20_000

/** In the child: answers calls until the parent is gone. */
export function serve(handlers: Record<string, (argument: never) => unknown>): void {
  process.on('message', ({ id, method, argument }: Request) => {
    void (async () => handlers[method]?.(argument as never))().then(
      (value) => process.send?.({ id, value } satisfies Reply),
      (error: unknown) =>
        process.send?.({
          id,
          error: error instanceof Error ? (error.stack ?? error.message) : String(error),
        } satisfies Reply),
    )
  })
  process.on('disconnect', () => process.exit())
}

const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

export class ServingProcess {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, { done(value: never): void; failed(error: Error): void }>()
  readonly #ended: Promise<void>
  #calls = 0
  #gone = false

  /** Starts `script`, a .ts file run by this Node. */
  constructor(script: URL, args: readonly string[] = []) {
    this.#child = fork(fileURLToPath(script), args, { execArgv: [], stdio: 'inherit' })
    running.add(this.#child)
    this.#child.on('message', (reply: Reply) => {
      const call = this.#waiting.get(reply.id)
      this.#waiting.delete(reply.id)
      if ('error' in reply) call?.failed(new Error(`In the child process: ${reply.error}`))
      else call?.done(reply.value as never)
    })
    this.#ended = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => {
        this.#gone = true
        running.delete(this.#child)
        for (const call of this.#waiting.values())
          call.failed(new ProcessGone(`The child process ended: ${code ?? signal}`))
        this.#waiting.clear()
        resolve()
      })
    })
  }

  get pid(): number {
    return this.#child.pid!
  }

  /** Rejects with what the handler threw, or with ProcessGone if the process ends first. */
  call<T>(method: string, argument?: unknown): Promise<T> {
    if (this.#gone) return Promise.reject(new ProcessGone('The child process has ended'))
    const id = ++this.#calls
    const answer = new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { done: resolve, failed: reject })
    })
    this.#child.send({ id, method, argument } satisfies Request, () => undefined)
    return answer
  }

  /** Resolves when the process has stopped itself (SIGSTOP), or when `call` has settled without that. */
  async stoppedOr(call: Promise<unknown>): Promise<'stopped' | 'ended'> {
    let settled = false
    const settle = (): void => void (settled = true)
    call.then(settle, settle)
    for (const endMs = performance.now() + PATIENCE_MS; performance.now() < endMs;) {
      if (settled) return 'ended'
      if (this.#state() === 'T') return 'stopped'
      await delay(LOOK_EVERY_MS)
    }
    throw new Error(`Process ${this.pid} neither stopped nor answered in ${PATIENCE_MS} ms`)
  }

  /** Lets a stopped process go on. */
  resume(): void {
    this.#child.kill('SIGCONT')
  }

  /** Kills it as a power switch would, and waits until it is gone. */
  async kill(): Promise<void> {
    if (!this.#gone) this.#child.kill('SIGKILL')
    await this.#ended
  }

  /** As the kernel sees it: 'T' is stopped. */
  #state(): string | undefined {
    const line = readFileSync(`/proc/${this.pid}/stat`, 'utf8')
    // The name in brackets may hold anything; the state is the first word behind it.
    return line.slice(line.lastIndexOf(')') + 2, line.lastIndexOf(')') + 3)
  }
}

/** The process ended before it answered. */
export class ProcessGone extends Error {
  override readonly name = 'ProcessGone'
}
