import { Writable } from 'node:stream'
import { run } from '../../src/cli/run.ts'

export interface CommandResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** The command line in this process: what it prints, and its exit code. */
export async function tidemarkHere(...args: string[]): Promise<CommandResult> {
  const stdout = new Collector()
  const stderr = new Collector()
  const code = await run(args, { stdout, stderr })
  return { code, stdout: stdout.text(), stderr: stderr.text() }
}

/** The lines that a command printed; it must have succeeded and said nothing else. */
export async function linesOf(...args: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await tidemarkHere(...args)
  if (code !== 0 || stderr !== '') throw new Error(`tidemark ${args.join(' ')}: ${code} ${stderr}`)
  return stdout.split('\n').slice(0, -1)
}

class Collector extends Writable {
  readonly #pieces: string[] = []

  override _write(piece: Buffer, _encoding: string, done: () => void): void {
    this.#pieces.push(piece.toString())
    done()
  }

  text(): string {
    return this.#pieces.join('')
  }
}
