// The questions that decide how a client of WebHDFS has to be written, asked one after the other of any server: the real one, whose answers are
// recorded (test/fixtures/webhdfs-answers.json), and the fake one, which must give the same.
//
// Long because it is a list: read it beside the recording.

import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Answer,
  encode,
  type Method,
  type NameNode,
  Prober,
  type Params,
} from './probe-exchange.ts'

export interface ProbeTarget {
  readonly nameNode: NameNode
  /** A folder that is not there yet. */
  readonly root: string
  readonly safeMode: (on: boolean) => Promise<void>
}

/** Question and answers: two where the NameNode redirects. */
export interface Exchange {
  readonly name: string
  readonly answers: readonly Answer[]
}

const POLL_MS = 20
const POLLS_MAX = 500
const USER = 'hdfs'
/** Names that need care in an address, or in JSON. */
const ODD_NAMES = [
  'a b',
  '%',
  '%2e%2e',
  '%00',
  'a+b',
  'a?b=c',
  'a#b',
  'a;b',
  'a&b',
  "a'b",
  'a"b',
  'a*b',
  'a,b',
  'line\nbreak',
  'é',
  'u\u0308',
  '日本語',
  '🌊',
  '...',
  ' lead and trail ',
  '__proto__',
]

class Script {
  readonly prober: Prober
  readonly exchanges: Exchange[] = []

  constructor(prober: Prober) {
    this.prober = prober
  }

  /** Asks and records. `path` is not encoded. */
  async ask(
    name: string,
    method: Method,
    op: string,
    path: string,
    params: Params = {},
    body?: string,
  ): Promise<readonly Answer[]> {
    const answers = await this.quietly(method, op, path, params, body)
    this.exchanges.push({ name, answers })
    return answers
  }

  /** Asks and records nothing. */
  async quietly(
    method: Method,
    op: string,
    path: string,
    params: Params = {},
    body?: string,
  ): Promise<Answer[]> {
    const user = 'user.name' in params ? {} : { 'user.name': USER }
    const { destination, ...others } = params
    const to = destination === undefined ? {} : { destination: `${this.prober.root}${destination}` }
    return await this.prober.exchange({
      method,
      path: encodePath(path),
      params: { op, ...user, ...others, ...to },
      ...(body !== undefined && { body }),
    })
  }

  create(name: string, path: string, params: Params = {}, body = 'content'): Promise<unknown> {
    return this.ask(name, 'PUT', 'CREATE', path, params, body)
  }

  mkdirs(name: string, path: string, params: Params = {}): Promise<unknown> {
    return this.ask(name, 'PUT', 'MKDIRS', path, params)
  }

  rename(name: string, path: string, destination: string, options?: string): Promise<unknown> {
    const params = options === undefined ? {} : { renameoptions: options }
    return this.ask(name, 'PUT', 'RENAME', path, { destination, ...params })
  }

  delete(name: string, path: string, params: Params = {}): Promise<unknown> {
    return this.ask(name, 'DELETE', 'DELETE', path, params)
  }

  read(name: string, path: string, params: Params = {}): Promise<unknown> {
    return this.ask(name, 'GET', 'OPEN', path, params)
  }

  stat(name: string, path: string): Promise<unknown> {
    return this.ask(name, 'GET', 'GETFILESTATUS', path)
  }

  list(name: string, path: string, params: Params = {}): Promise<unknown> {
    return this.ask(name, 'GET', 'LISTSTATUS_BATCH', path, params)
  }

  /** Files and folders (those end with a slash) that questions are about. */
  async given(...paths: string[]): Promise<void> {
    for (const path of paths) {
      const [last] = (
        path.endsWith('/')
          ? await this.quietly('PUT', 'MKDIRS', path.slice(0, -1))
          : await this.quietly('PUT', 'CREATE', path, {}, 'content')
      ).slice(-1)
      if (last.status >= 300) throw new Error(`${path}: ${JSON.stringify(last)}`)
    }
  }

  /** Waits until the NameNode says of the path what is expected; the writes of a DataNode come when they come. */
  async until(path: string, expected: (answer: Answer) => boolean): Promise<void> {
    for (let poll = 0; poll < POLLS_MAX; poll++) {
      const [answer] = await this.quietly('GET', 'GETFILESTATUS', path)
      if (expected(answer)) return
      await sleep(POLL_MS)
    }
    throw new Error(`${path} is not what was expected`)
  }
}

function encodePath(path: string): string {
  return path.split('/').map(encode).join('/')
}

const exists = ({ status }: Answer) => status === 200

/** Asks everything that one NameNode can be asked. */
export async function probe({ nameNode, root, safeMode }: ProbeTarget): Promise<Exchange[]> {
  const script = new Script(new Prober(nameNode, root))
  try {
    await askAll(script, safeMode)
  } finally {
    script.prober.close()
  }
  return script.exchanges
}

async function askAll(script: Script, safeMode: ProbeTarget['safeMode']): Promise<void> {
  await script.given('/')
  await askCreate(script)
  await askCreateFlags(script)
  await askUnfinishedWrites(script)
  await askEarlyAnswers(script)
  await askMakeDirectories(script)
  await askRenamePlain(script)
  await askRenameNone(script)
  await askRenameOverwrite(script)
  await askDelete(script)
  await askOpen(script)
  await askStatus(script)
  await askList(script)
  await askNames(script)
  await askUsers(script)
  await askNonsense(script)
  await safeMode(true)
  try {
    await askInSafeMode(script)
  } finally {
    await safeMode(false)
  }
  await script.quietly('DELETE', 'DELETE', '', { recursive: true })
}

async function askCreate(script: Script): Promise<void> {
  const target = { path: '/create/only', params: { op: 'CREATE', 'user.name': USER } }
  const { answer } = await script.prober.nameNode({ method: 'PUT', ...target })
  script.exchanges.push({ name: 'CREATE, the first step alone', answers: [answer] })
  await script.stat('and nothing is there', '/create/only')
  await script.ask('CREATE with noredirect', 'PUT', 'CREATE', '/create/only', { noredirect: true })
  await script.create('CREATE with missing parents', '/create/parents/a')
  await script.read('and it is whole', '/create/parents/a')
  await script.stat('its parent', '/create/parents')
  await script.create('CREATE of what exists, overwrite not said', '/create/parents/a')
  await script.create('CREATE overwrite=false of what exists', '/create/parents/a', {
    overwrite: false,
  })
  const exclusive = { overwrite: false, createparent: false }
  await script.create(
    'CREATE overwrite=false, createparent=false of what exists',
    '/create/parents/a',
    exclusive,
  )
  await script.create('CREATE overwrite=true', '/create/parents/a', { overwrite: true }, 'new')
  await script.read('and it is replaced', '/create/parents/a')
  await script.create('CREATE createparent=false', '/create/parents/b', exclusive)
  await script.create('CREATE createparent=false, parent missing', '/create/none/b', exclusive)
  await script.create('CREATE createparent=false, two missing', '/create/none/nor/b', exclusive)
  await script.stat('and no parent was made', '/create/none')
  await script.create('CREATE on a directory', '/create/parents', { overwrite: false })
  await script.create('CREATE overwrite=true on a directory', '/create/parents', {
    overwrite: true,
  })
  await script.create('CREATE under a file', '/create/parents/a/b', { overwrite: false })
  await script.create('CREATE createparent=false under a file', '/create/parents/a/b', exclusive)
  await script.create('CREATE of nothing', '/create/empty', exclusive, '')
  await script.stat('the empty file', '/create/empty')
  await script.create('CREATE of 200 kB', '/create/large', exclusive, 'x'.repeat(200_000))
  await script.stat('the file of 200 kB', '/create/large')
}

async function askCreateFlags(script: Script): Promise<void> {
  await script.given('/flags/', '/flags/there')
  const synced = { createflag: 'CREATE,SYNC_BLOCK', createparent: false }
  await script.create('CREATE with CREATE,SYNC_BLOCK', '/flags/a', synced)
  await script.create('CREATE with CREATE,SYNC_BLOCK and overwrite=false', '/flags/b', {
    ...synced,
    overwrite: false,
  })
  await script.create('CREATE with CREATE,SYNC_BLOCK of what exists', '/flags/there', synced)
  await script.create(
    'CREATE with CREATE,SYNC_BLOCK, overwrite=false of what exists',
    '/flags/there',
    {
      ...synced,
      overwrite: false,
    },
  )
  await script.create('CREATE with CREATE,SYNC_BLOCK, parent missing', '/none/a', synced)
  await script.create('CREATE with SYNC_BLOCK alone', '/flags/c', {
    createflag: 'SYNC_BLOCK',
    overwrite: true,
  })
  await script.create('CREATE with a flag that is none', '/flags/d', { createflag: 'NONSENSE' })
}

async function askUnfinishedWrites(script: Script): Promise<void> {
  await script.given('/writing/')
  await cutWrite(script, 'without a length', '/writing/cut', {})
  await cutWrite(script, 'with a length', '/writing/short', { 'Content-Length': '100' })

  const deleted = await beginWrite(script, '/writing/deleted')
  await script.stat('a file being written', '/writing/deleted')
  await script.create('CREATE overwrite=false of a file being written', '/writing/deleted', {
    overwrite: false,
  })
  await script.delete('DELETE of a file being written', '/writing/deleted')
  await endWrite(script, 'its writer ends', deleted)
  await script.stat('and nothing is there again', '/writing/deleted')

  await script.given('/writing/folder/')
  const fenced = await beginWrite(script, '/writing/folder/a')
  await script.delete('DELETE of the folder of a file being written', '/writing/folder', {
    recursive: true,
  })
  await endWrite(script, 'the writer below it ends', fenced)
  await script.stat('and the folder is not back', '/writing/folder')

  const renamed = await beginWrite(script, '/writing/renamed')
  await script.rename(
    'RENAME NONE of a file being written',
    '/writing/renamed',
    '/writing/to',
    'NONE',
  )
  await endWrite(script, 'the writer of the renamed file ends', renamed)
  await script.read('and it is whole under its new name', '/writing/to')

  await script.given('/writing/moved/')
  const moved = await beginWrite(script, '/writing/moved/a')
  await script.rename(
    'RENAME NONE of the folder of a file being written',
    '/writing/moved',
    '/writing/away',
    'NONE',
  )
  await endWrite(script, 'the writer in the moved folder ends', moved)
  await script.read('and it is whole in the moved folder', '/writing/away/a')
}

/** What a DataNode says before it has seen any of the body. */
async function askEarlyAnswers(script: Script): Promise<void> {
  await script.given('/early/', '/early/there', '/early/fenced/')
  const params = { op: 'CREATE', 'user.name': USER, overwrite: false, createparent: false }
  const early = async (name: string, path: string, meanwhile?: () => Promise<unknown>) => {
    const options = { method: 'PUT' as const, path, params }
    const redirect = await script.prober.redirect(options)
    await meanwhile?.()
    const { request, answer } = script.prober.beginAt(redirect, options)
    request.flushHeaders()
    script.exchanges.push({ name, answers: [(await answer).answer] })
    request.destroy()
  }
  await early('CREATE of what exists, no body sent', '/early/there')
  await early('CREATE with its parent missing, no body sent', '/early/none/a')
  await early('CREATE with its parent deleted between the steps', '/early/fenced/a', () =>
    script.quietly('DELETE', 'DELETE', '/early/fenced', { recursive: true }),
  )
  await script.stat('and the folder is not back, nor its parent', '/early/fenced')
}

async function beginWrite(script: Script, path: string, headers: Record<string, string> = {}) {
  const params = { op: 'CREATE', 'user.name': USER, overwrite: false, createparent: false }
  const open = await script.prober.begin({ method: 'PUT', path, params, headers })
  open.request.flushHeaders()
  await open.continued
  open.request.write('part one,')
  await script.until(path, exists)
  return open
}

async function endWrite(
  script: Script,
  name: string,
  { request, answer }: Awaited<ReturnType<typeof beginWrite>>,
): Promise<void> {
  request.end(' part two')
  script.exchanges.push({ name, answers: [(await answer).answer] })
}

/** A client that dies in the middle. */
async function cutWrite(
  script: Script,
  how: string,
  path: string,
  headers: Record<string, string>,
): Promise<void> {
  const { request } = await beginWrite(script, path, headers)
  await sleep(POLL_MS)
  request.destroy()
  await script.until(path, ({ body }) => {
    const { FileStatus } = body as { FileStatus?: { length: number } }
    return (FileStatus?.length ?? 0) > 0
  })
  await script.read(`CREATE cut in the middle, ${how}: a readable file`, path)
}

async function askMakeDirectories(script: Script): Promise<void> {
  await script.given('/mkdirs/', '/mkdirs/file')
  await script.mkdirs('MKDIRS', '/mkdirs/a')
  await script.mkdirs('MKDIRS of what exists', '/mkdirs/a')
  await script.mkdirs('MKDIRS with missing parents', '/mkdirs/b/c/d')
  await script.mkdirs('MKDIRS on a file', '/mkdirs/file')
  await script.mkdirs('MKDIRS under a file', '/mkdirs/file/a')
  await script.stat('a folder', '/mkdirs/a')
}

async function askRenamePlain(script: Script): Promise<void> {
  await script.given('/plain/', '/plain/a', '/plain/b', '/plain/folder/')
  await script.rename('RENAME plain', '/plain/a', '/plain/c')
  await script.rename('RENAME plain, target exists', '/plain/c', '/plain/b')
  await script.rename('RENAME plain, source missing', '/plain/none', '/plain/d')
  await script.rename('RENAME plain, parent missing', '/plain/c', '/plain/none/d')
  await script.rename('RENAME plain onto itself', '/plain/c', '/plain/c')
  await script.rename('RENAME plain onto a directory', '/plain/c', '/plain/folder')
  await script.stat('and it went into it', '/plain/folder/c')
}

async function askRenameNone(script: Script): Promise<void> {
  const to = (name: string, from: string, target: string) =>
    script.rename(`RENAME NONE, ${name}`, `/none${from}`, `/none${target}`, 'NONE')
  await script.given('/none/', '/none/a', '/none/b', '/none/folder/', '/none/full/x', '/none/d/')
  await to('fresh', '/a', '/c')
  await script.read('and it is whole there', '/none/c')
  await script.stat('and gone here', '/none/a')
  await to('target exists', '/c', '/b')
  await to('onto itself', '/c', '/c')
  await to('source missing', '/x', '/d2')
  await to('source missing, target exists', '/x', '/b')
  await to('source missing, its folder too', '/x/x', '/d2')
  await to('parent missing', '/c', '/x/d')
  await to('source and parent missing', '/x/c', '/y/d')
  await to('parent is a file', '/c', '/b/d')
  await to('source below a file', '/b/x', '/d2')
  await to('onto a directory', '/c', '/folder')
  await to('a directory, fresh', '/full', '/full2')
  await script.stat('and what is in it went with it', '/none/full2/x')
  await to('a directory onto an empty one', '/full2', '/folder')
  await to('a directory onto a file', '/full2', '/b')
  await to('a directory into itself', '/full2', '/full2/in')
  await to('a missing directory', '/full', '/full3')
}

async function askRenameOverwrite(script: Script): Promise<void> {
  const to = (name: string, from: string, target: string) =>
    script.rename(`RENAME OVERWRITE, ${name}`, `/over${from}`, `/over${target}`, 'OVERWRITE')
  await script.given('/over/', '/over/a', '/over/b', '/over/empty/', '/over/full/x', '/over/d/')
  await to('fresh', '/a', '/c')
  await to('target exists', '/c', '/b')
  await script.stat('and the source is gone', '/over/c')
  await to('onto itself', '/b', '/b')
  await to('source missing', '/x', '/b')
  await to('parent missing', '/b', '/x/b')
  await to('a file onto an empty directory', '/b', '/empty')
  await to('a file onto a full directory', '/b', '/full')
  await to('a directory onto a file', '/d', '/b')
  await to('a directory onto an empty one', '/d', '/empty')
  await to('a directory onto a full one', '/empty', '/full')
}

async function askDelete(script: Script): Promise<void> {
  await script.given('/delete/', '/delete/a', '/delete/empty/', '/delete/full/x')
  await script.delete('DELETE', '/delete/a')
  await script.delete('DELETE of what is missing', '/delete/a')
  await script.delete('DELETE below what is missing', '/delete/a/b')
  await script.delete('DELETE below a file', '/delete/full/x/y')
  await script.delete('DELETE of an empty directory', '/delete/empty')
  await script.delete('DELETE of a full directory', '/delete/full')
  await script.delete('DELETE recursive', '/delete/full', { recursive: true })
  await script.delete('DELETE recursive of what is missing', '/delete/full', { recursive: true })
}

async function askOpen(script: Script): Promise<void> {
  await script.given('/open/')
  await script.quietly('PUT', 'CREATE', '/open/ten', {}, '0123456789')
  await script.quietly('PUT', 'CREATE', '/open/empty', {}, '')
  await script.read('OPEN', '/open/ten')
  await script.read('OPEN from an offset', '/open/ten', { offset: 4 })
  await script.read('OPEN of a range', '/open/ten', { offset: 4, length: 3 })
  await script.read('OPEN past the end', '/open/ten', { offset: 8, length: 5 })
  await script.read('OPEN of length 0', '/open/ten', { offset: 4, length: 0 })
  await script.read('OPEN from the last byte', '/open/ten', { offset: 9 })
  await script.read('OPEN from the end', '/open/ten', { offset: 10 })
  await script.read('OPEN from the end, length 0', '/open/ten', { offset: 10, length: 0 })
  await script.read('OPEN from beyond the end', '/open/ten', { offset: 11, length: 1 })
  await script.read('OPEN from a negative offset', '/open/ten', { offset: -1 })
  await script.read('OPEN of an empty file', '/open/empty')
  await script.read('OPEN of an empty file from 0 with a length', '/open/empty', {
    offset: 0,
    length: 5,
  })
  await script.read('OPEN of an empty file from 1', '/open/empty', { offset: 1 })
  await script.read('OPEN of what is missing', '/open/none')
  await script.read('OPEN of what is missing, from an offset', '/open/none', { offset: 4 })
  await script.read('OPEN of a directory', '/open')
  await script.read('OPEN below a file', '/open/ten/x')
  await script.read('OPEN with noredirect', '/open/ten', { noredirect: true })
}

async function askStatus(script: Script): Promise<void> {
  await script.given('/status/', '/status/a')
  await script.stat('GETFILESTATUS of a file', '/status/a')
  await script.stat('GETFILESTATUS of a directory', '/status')
  await script.stat('GETFILESTATUS of what is missing', '/status/none')
  await script.stat('GETFILESTATUS below a file', '/status/a/b')
}

/** More than one page of the real server, which is started with pages of ten. */
async function askList(script: Script): Promise<void> {
  const folders = Array.from({ length: 12 }, (_, i) => `/list/many/${i}/`)
  await script.given('/list/empty/', '/list/one/a', ...folders)
  await script.list('LISTSTATUS_BATCH', '/list/one')
  await script.list('LISTSTATUS_BATCH of an empty directory', '/list/empty')
  await script.list('LISTSTATUS_BATCH, the first page', '/list/many')
  await script.list('LISTSTATUS_BATCH, after a name', '/list/many', { startAfter: '7' })
  await script.list('LISTSTATUS_BATCH, after the last name', '/list/many', { startAfter: '9' })
  await script.list('LISTSTATUS_BATCH, after a name that is not there', '/list/many', {
    startAfter: '75',
  })
  await script.list('LISTSTATUS_BATCH of a file', '/list/one/a')
  await script.list('LISTSTATUS_BATCH of what is missing', '/list/none')
  await script.list('LISTSTATUS_BATCH of what is missing, after a name', '/list/none', {
    startAfter: 'a',
  })
  await script.list('LISTSTATUS_BATCH below a file', '/list/one/a/b')
  await script.ask('LISTSTATUS', 'GET', 'LISTSTATUS', '/list/one')
}

async function askNames(script: Script): Promise<void> {
  await script.given('/names/', '/names/to/')
  for (const [index, name] of ODD_NAMES.entries()) {
    const called = JSON.stringify(name)
    await script.given(`/names/${index}/`)
    await script.create(`CREATE of ${called}`, `/names/${index}/${name}`)
    await script.list(`LISTSTATUS_BATCH with ${called}`, `/names/${index}`)
    await script.read(`OPEN of ${called}`, `/names/${index}/${name}`)
    await script.rename(
      `RENAME of ${called}`,
      `/names/${index}/${name}`,
      `/names/to/${name}`,
      'NONE',
    )
  }
  await script.list('LISTSTATUS_BATCH of odd names', '/names/to')
  await script.list('LISTSTATUS_BATCH of odd names, after one', '/names/to', { startAfter: 'a+b' })
  await script.mkdirs('MKDIRS with a colon', '/names/a:b')
  await script.create('CREATE with a colon', '/names/a:b')
  await script.stat('GETFILESTATUS with a colon', '/names/a:b')
  await script.rename('RENAME NONE to a colon', '/names/to', '/names/a:b', 'NONE')
  await script.mkdirs('MKDIRS with 255 bytes', `/names/${'x'.repeat(255)}`)
  await script.mkdirs('MKDIRS with 256 bytes', `/names/${'x'.repeat(256)}`)
  await script.create('CREATE with 256 bytes', `/names/${'x'.repeat(256)}`)
  await script.mkdirs('MKDIRS with 255 bytes of three each', `/names/${'語'.repeat(85)}`)
  await script.mkdirs('MKDIRS with 256 letters, 768 bytes', `/names/${'語'.repeat(256)}`)
  await script.stat('GETFILESTATUS with 256 bytes', `/names/${'x'.repeat(256)}`)
  await script.rename('RENAME NONE to 256 bytes', '/names/to', `/names/${'x'.repeat(256)}`, 'NONE')
  await script.stat('GETFILESTATUS with an empty segment', '/names//to')
}

async function askUsers(script: Script): Promise<void> {
  await script.given('/users/', '/users/a')
  const alice = { 'user.name': 'alice' }
  await script.create('CREATE without permission', '/users/b', alice)
  await script.mkdirs('MKDIRS without permission', '/users/c', alice)
  await script.ask('RENAME NONE without permission', 'PUT', 'RENAME', '/users/a', {
    ...alice,
    destination: '/users/d',
    renameoptions: 'NONE',
  })
  await script.delete('DELETE without permission', '/users/a', alice)
  await script.read('OPEN by another', '/users/a', alice)
  await script.ask('GETFILESTATUS with an empty user.name', 'GET', 'GETFILESTATUS', '/users/a', {
    'user.name': '',
  })
  const nobody = { op: 'MKDIRS' }
  const { answer } = await script.prober.nameNode({
    method: 'PUT',
    path: '/users/e',
    params: nobody,
  })
  script.exchanges.push({ name: 'MKDIRS without user.name', answers: [answer] })
}

async function askNonsense(script: Script): Promise<void> {
  await script.given('/nonsense/', '/nonsense/a')
  await script.ask('an operation that is none', 'GET', 'NONSENSE', '/nonsense/a')
  await script.ask('an operation by the wrong method', 'GET', 'CREATE', '/nonsense/a')
  await script.ask('RENAME without a destination', 'PUT', 'RENAME', '/nonsense/a')
  await script.rename(
    'RENAME with an option that is none',
    '/nonsense/a',
    '/nonsense/b',
    'NONSENSE',
  )
  await script.read('OPEN with an offset that is no number', '/nonsense/a', { offset: 'x' })
}

async function askInSafeMode(script: Script): Promise<void> {
  await script.create('CREATE in safe mode', '/nonsense/b', { createparent: false })
  await script.create('CREATE of what exists in safe mode', '/nonsense/a', { overwrite: false })
  await script.mkdirs('MKDIRS in safe mode', '/nonsense/c')
  await script.mkdirs('MKDIRS of what exists in safe mode', '/nonsense')
  await script.rename('RENAME NONE in safe mode', '/nonsense/a', '/nonsense/d', 'NONE')
  await script.rename(
    'RENAME NONE of what is missing in safe mode',
    '/nonsense/x',
    '/nonsense/d',
    'NONE',
  )
  await script.delete('DELETE in safe mode', '/nonsense/a')
  await script.delete('DELETE of what is missing in safe mode', '/nonsense/x')
  await script.read('OPEN in safe mode', '/nonsense/a')
  await script.stat('GETFILESTATUS in safe mode', '/nonsense/a')
  await script.list('LISTSTATUS_BATCH in safe mode', '/nonsense')
}

/** Asks a standby, whose active NameNode serves. */
export async function probeStandby(
  standby: NameNode,
  active: NameNode,
  root: string,
): Promise<Exchange[]> {
  const atActive = new Script(new Prober(active, root))
  const script = new Script(new Prober(standby, root))
  try {
    await atActive.given('/', '/a')
    await script.stat('GETFILESTATUS at a standby', '/a')
    await script.list('LISTSTATUS_BATCH at a standby', '/')
    await script.read('OPEN at a standby', '/a')
    await script.mkdirs('MKDIRS at a standby', '/b')
    await script.rename('RENAME NONE at a standby', '/a', '/b', 'NONE')
    await script.delete('DELETE at a standby', '/a')
    const exclusive = { overwrite: false, createparent: false }
    await script.create('CREATE at a standby, both steps', '/b', exclusive)
    await script.create('CREATE of what exists at a standby, both steps', '/a', exclusive)
    await atActive.quietly('DELETE', 'DELETE', '', { recursive: true })
  } finally {
    atActive.prober.close()
    script.prober.close()
  }
  return script.exchanges
}
