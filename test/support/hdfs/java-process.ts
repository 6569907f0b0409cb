// A Java process that is told what to do by lines on its stdin and answers each by a line: MiniCluster.java.
//
// It ends with its stdin, so with this process, however that ends.

import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'

/** How much of its log an error quotes. */
const LOG_CHARACTERS_MAX = 4000
const END_TIMEOUT_MS = 10_000

export class JavaProcess {
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #lines: AsyncIterator<string>
  readonly #ended: Promise<unknown>
  #log = ''
  /** The last command; they go one after the other. */
  #last: Promise<unknown>

  private constructor(args: readonly string[], env: Readonly<Record<string, string>>) {
    this.#process = spawn('java', args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    })
    this.#ended = once(this.#process, 'close')
    this.#process.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#log = (this.#log + text).slice(-LOG_CHARACTERS_MAX)
    })
    // What is written to a process that is gone: the answer that does not come says it better.
    this.#process.stdin.on('error', () => undefined)
    const lines = createInterface({ input: this.#process.stdout, crlfDelay: Infinity })
    this.#lines = lines[Symbol.asyncIterator]()
    this.#last = this.#line()
  }

  /** Resolves when it says READY. */
  static async start(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<JavaProcess> {
    const java = new JavaProcess(args, env)
    const first = (await java.#last) as string
    if (first !== 'READY') throw new Error(`Expected READY, got ${first}\n${java.#log}`)
    return java
  }

  get pid(): number {
    return this.#process.pid!
  }

  /** Its answer to one command. */
  async ask(...words: (string | number | boolean)[]): Promise<string> {
    const before = this.#last
    const answer = before.then(async () => {
      this.#process.stdin.write(`${words.join('\t')}\n`)
      return await this.#line()
    })
    this.#last = answer.catch(() => undefined)
    const line = await answer
    if (!line.startsWith('OK')) throw new Error(`${words.join(' ')}: ${line}\n${this.#log}`)
    return line.slice(3)
  }

  /** Lets it end; after a while it is made to. */
  async end(): Promise<void> {
    this.#process.stdin.end()
    const late = new AbortController()
    await Promise.race([
      this.#ended,
      sleep(END_TIMEOUT_MS, undefined, { signal: late.signal }).catch(() => undefined),
    ])
    late.abort()
    await this.kill()
  }

  /** As the death of a machine, but for what its system has in memory. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#ended
  }

  async #line(): Promise<string> {
    const { done, value } = await this.#lines.next()
    if (done === true) throw new Error(`The Java process ended unexpectedly:\n${this.#log}`)
    return value
  }
}
