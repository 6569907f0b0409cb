// Runs a question: every engine of a case in a process of its own, the order rotated from case to case and from round to round, what it holds in the end
// compared with the oracle.
// One at a time, but for quick runs, which measure nothing. What the host of the machine disturbed too much is measured again.

import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { sparkCommand } from '../compare/spark.ts'
import { median } from './figures.ts'
import { inParallel } from './in-parallel.ts'
import type { Case, MeasureContext, Measurement, Missing, Params, Question } from './question.ts'
import { ATTEMPTS_MAX, undisturbed, type Undisturbed } from './stolen-time.ts'
import { type Content } from './workload.ts'

/** Over all rounds. Where more is better (…PerSecond), `best` is the highest, else the lowest. */
export interface Figure {
  readonly median: number
  readonly best: number
  readonly rounds: readonly number[]
}

export interface EngineResult {
  readonly engine: string
  readonly figures: Readonly<Record<string, Figure>>
  readonly versions: Readonly<Record<string, string>>
  readonly standsFor?: string | undefined
  /** The share of the processors that the host took, by round; 0 where the system does not tell. */
  readonly stolenShares?: readonly number[] | undefined
  /** Why there are no figures. */
  readonly skipped?: string | undefined
  /** Why there are fewer rounds of them than were asked for. */
  readonly failed?: string | undefined
}

export interface CaseResult {
  readonly params: Params
  readonly rounds: number
  /** What every engine held in the end. */
  readonly content?: Content | undefined
  readonly engines: readonly EngineResult[]
}

export interface RunOptions {
  readonly quick: boolean
  /** Where the engines' folders are made. */
  readonly directory: string
  readonly say: (line: string) => void
  /** Only these engines, where given. */
  readonly engines?: readonly string[] | undefined
  /** Only cases of so many keys, where given. */
  readonly keys?: number | undefined
  /** Ends the engine that is running, and the run with an error. */
  readonly signal?: AbortSignal | undefined
}

export async function runQuestion(question: Question, options: RunOptions): Promise<CaseResult[]> {
  const results: CaseResult[] = []
  for (const [index, each] of question.cases(options.quick).entries()) {
    if (options.keys !== undefined && each.params.keys !== options.keys) continue
    const engines = each.engines.filter((name) => options.engines?.includes(name) ?? true)
    if (engines.length === 0) continue
    options.say(`${question.name} ${describeParams(each.params)}`)
    results.push(await runCase(question, { ...each, engines }, index, options))
  }
  return results
}

/** `index` is the place of the case: with one round, too, it is not always the same engine that is the first. */
async function runCase(
  question: Question,
  each: Case,
  index: number,
  options: RunOptions,
): Promise<CaseResult> {
  const { params, engines, rounds } = each
  const content = await question.oracle(params)
  const measured = new Map<string, Undisturbed<Measurement>[]>(engines.map((name) => [name, []]))
  const skipped = new Map<string, string>()
  for (let round = 0; round < rounds; round++) {
    const order = engines.map((_, i) => engines[(i + round + index) % engines.length])
    await inParallel(order, options.quick ? availableParallelism() : 1, async (engine) => {
      if (skipped.has(engine) || (round > 0 && each.once?.includes(engine))) return
      const measure = async () => {
        const answer = await measureOrTell(question, engine, params, options)
        if (!('missing' in answer)) {
          compareContent(question, engine, params, answer.content, content)
          return answer
        }
        skipped.set(engine, answer.missing)
        options.say(`  ${engine}: left out, ${answer.missing}`)
        return undefined
      }
      const one = await undisturbed(measure, options.quick ? 1 : ATTEMPTS_MAX)
      if (one === undefined) return
      measured.get(engine)!.push(one)
      const { answer, stolenShare } = one
      options.say(`  ${engine} ${describeFigures({ ...answer.figures, stolenShare })}`)
    })
  }
  return {
    params,
    rounds,
    content,
    engines: engines.map((engine) => summarize(engine, measured.get(engine)!, skipped.get(engine))),
  }
}

/** A rival that fails runs once more; if it fails again, that is told in its place. Our own failure ends the run. */
async function measureOrTell(
  question: Question,
  engine: string,
  params: Params,
  options: RunOptions,
): Promise<Measurement | Missing> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await measureApart(question, engine, params, options)
    } catch (error) {
      if (engine.startsWith('tidemark') || options.signal?.aborted) throw error
      options.say(String(error))
      if (attempt === 2) return { missing: `it failed: ${lastLine(String(error))}` }
    }
  }
}

async function measureApart(
  question: Question,
  engine: string,
  params: Params,
  options: RunOptions,
): Promise<Measurement | Missing> {
  const directory = await mkdtemp(join(options.directory, `${question.name}-${engine}-`))
  try {
    const context: MeasureContext = { engine, params, directory }
    if (!engine.startsWith('spark-')) {
      return await runProcess(
        process.execPath,
        [
          '--expose-gc',
          join(import.meta.dirname, 'engine-process.ts'),
          question.name,
          JSON.stringify(context),
        ],
        environment(options),
        options.signal,
      )
    }
    const command = await sparkCommand(question.name, engine, { ...params, directory })
    if ('missing' in command) return command
    return await runProcess(command.command, command.args, command.env, options.signal)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** Half of a quick run would be spent on compiling the same modules in each process. */
function environment({ quick, directory }: RunOptions): NodeJS.ProcessEnv {
  return quick ? { ...process.env, NODE_COMPILE_CACHE: join(directory, 'compiled') } : process.env
}

/** What a process says before it dies is said last. */
function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1) ?? ''
}

/** The last line the process prints is its answer. */
async function runProcess(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal | undefined,
): Promise<Measurement | Missing> {
  signal?.throwIfAborted()
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const out: Buffer[] = []
  const errors: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk))
  const end = () => void child.kill()
  signal?.addEventListener('abort', end)
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  signal?.removeEventListener('abort', end)
  signal?.throwIfAborted()
  if (code !== 0) {
    throw new Error(
      `${command} ${args.join(' ')} ended with ${code}:\n${Buffer.concat(errors).toString().slice(-4000)}`,
    )
  }
  const answer = Buffer.concat(out).toString().trimEnd().split('\n').at(-1) ?? ''
  return JSON.parse(answer) as Measurement | Missing
}

function compareContent(
  question: Question,
  engine: string,
  params: Params,
  found: Content | undefined,
  expected: Content | undefined,
): void {
  if (found?.rows === expected?.rows && found?.checksum === expected?.checksum) return
  throw new Error(
    `${question.name} ${describeParams(params)}: expected ${engine} to hold ${JSON.stringify(expected)} in the end, found ${JSON.stringify(found)}`,
  )
}

function summarize(
  engine: string,
  measured: readonly Undisturbed<Measurement>[],
  skipped: string | undefined,
): EngineResult {
  if (measured.length === 0) return { engine, figures: {}, versions: {}, skipped }
  const first = measured[0].answer
  const names = Object.keys(first.figures)
  const figures = names.map((name): [string, Figure] => {
    const rounds = measured.map(({ answer }) => answer.figures[name])
    const best = name.endsWith('PerSecond') ? Math.max(...rounds) : Math.min(...rounds)
    return [name, { median: median(rounds), best, rounds }]
  })
  return {
    engine,
    figures: Object.fromEntries(figures),
    versions: first.versions ?? {},
    standsFor: first.standsFor,
    stolenShares: measured.map(({ stolenShare }) => Number(stolenShare.toFixed(3))),
    failed: skipped,
  }
}

export function describeParams(params: Params): string {
  const { keys, durability, ...rest } = params
  const others = Object.entries(rest).map(([name, value]) => `${name} ${value}`)
  const size = keys === 0 ? [] : [`${keys.toLocaleString('en')} keys`]
  return [...size, durability, ...others].join(', ')
}

function describeFigures(figures: Readonly<Record<string, number>>): string {
  return Object.entries(figures)
    .map(([name, value]) => `${name} ${Number(value.toPrecision(4))}`)
    .join('  ')
}
