// Where the manager sends what, when small servers on loopback redirect it as each test says: nothing to whom it does not concern.

import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { WebHdfsFileManager } from '../../../../src/files/webhdfs/webhdfs.ts'
import { textOf, writeFile } from '../../../../src/testing/file-manager-contract.ts'
import {
  INVALID,
  MOVED,
  open,
  operations,
  redirect,
  serve,
  UNAVAILABLE,
} from '../../../support/scripted-hdfs.ts'
import { remoteException } from '../../../support/scripted-server.ts'

describe('redirects', () => {
  test('a file is written with what keeps it from making folders, also where the redirect lost it', async () => {
    const dataNode = await serve(() => ({ status: 201 }))
    const nameNode = await serve(({ path }) =>
      redirect(`http://127.0.0.1:${dataNode.port}${path}?op=CREATE`),
    )
    await writeFile(await open([nameNode]), 'a b/é%', 'content')
    for (const { seen } of [nameNode, dataNode]) {
      expect(seen).toHaveLength(1)
      expect(seen[0].path).toBe('/webhdfs/v1/check/a%20b/%C3%A9%25')
      expect(seen[0].query.get('createparent')).toBe('false')
      expect(seen[0].query.get('overwrite')).toBe('false')
    }
    expect(dataNode.seen[0].body).toBe('content')
  })

  test('with fsync the DataNode is told to sync, also where the redirect lost it', async () => {
    const dataNode = await serve(() => ({ status: 201 }))
    const nameNode = await serve(({ path }) =>
      redirect(`http://127.0.0.1:${dataNode.port}${path}?op=CREATE&createflag=`),
    )
    const writer = await (await open([nameNode])).createFile('a', 'fsync')
    await writer?.close()
    expect(nameNode.seen[0].query.get('createflag')).toBe('CREATE,SYNC_BLOCK')
    expect(dataNode.seen[0].query.getAll('createflag')).toContain('CREATE,SYNC_BLOCK')
  })

  test('a name with decomposed letters keeps them, although NameNodes compose them', async () => {
    const dataNode = await serve(() => ({ body: 'hello' }))
    const nameNode = await serve(({ path, query }) =>
      redirect(
        `http://127.0.0.1:${dataNode.port}${encodeURI(decodeURI(path).normalize('NFC'))}?${query.toString()}`,
      ),
    )
    expect(await textOf(await open([nameNode]), 'u\u0308')).toBe('hello')
    expect(dataNode.seen[0].path).toBe('/webhdfs/v1/check/u%CC%88')
  })

  const refused: Record<string, [location: string, code: { code: string }]> = {
    'a host that is not allowed': ['http://169.254.169.254/webhdfs/v1/check/a?op=OPEN', INVALID],
    'a file: URL': ['file:///etc/passwd', UNAVAILABLE],
    'another scheme': ['https://127.0.0.1:PORT/webhdfs/v1/check/a?op=OPEN', UNAVAILABLE],
    'no host': ['/webhdfs/v1/check/a?op=OPEN', UNAVAILABLE],
    'a user name in it': ['http://me@127.0.0.1:PORT/webhdfs/v1/check/a', UNAVAILABLE],
    'the path of another file': ['http://127.0.0.1:PORT/webhdfs/v1/check/b?op=OPEN', UNAVAILABLE],
    'nothing at all': ['', UNAVAILABLE],
  }
  for (const [what, [location, code]] of Object.entries(refused)) {
    test(`to ${what} is refused before anything is sent there, and not tried again`, async () => {
      const elsewhere = await serve(() => ({ status: 201, body: 'hello' }))
      const nameNode = await serve(() => redirect(location.replace('PORT', `${elsewhere.port}`)))
      const files = await open([nameNode], { retryTimeMs: 60_000 })
      await expect(files.read('a')).rejects.toMatchObject(code)
      await expect(writeFile(files, 'a', 'x')).rejects.toMatchObject(code)
      expect(elsewhere.seen).toEqual([])
      expect(operations(nameNode)).toEqual(['OPEN', 'CREATE'])
    })
  }

  test('that would make folders, or write over a file, is refused', async () => {
    for (const turned of [
      'createparent=true',
      'overwrite=true',
      'overwrite=false&overwrite=true',
    ]) {
      const dataNode = await serve(() => ({ status: 201 }))
      const nameNode = await serve(({ path }) =>
        redirect(`http://127.0.0.1:${dataNode.port}${path}?op=CREATE&${turned}`),
      )
      await expect(writeFile(await open([nameNode]), 'a', 'x'), turned).rejects.toMatchObject(
        UNAVAILABLE,
      )
      expect(dataNode.seen).toEqual([])
    }
  })

  test('are followed once: a second one, or a circle, ends it', async () => {
    const nameNode = await serve(({ path, query }, server) =>
      redirect(`http://127.0.0.1:${server.port}${path}?${query.toString()}`),
    )
    const files = await open([nameNode], { retryTimeMs: 60_000 })
    await expect(files.read('a')).rejects.toMatchObject(UNAVAILABLE)
    await expect(writeFile(files, 'a', 'x')).rejects.toMatchObject(UNAVAILABLE)
    expect(operations(nameNode)).toEqual(['OPEN', 'OPEN', 'CREATE', 'CREATE'])
  })
})

describe('secrets', () => {
  const TOKEN = 'ge+heim/=='

  /** Everything that a user could print of an error. */
  const printed = (error: unknown) =>
    `${inspect(error, { depth: 10, showHidden: true })}${JSON.stringify(error)}`

  test('a token goes to the NameNode alone, and is shown nowhere, also not where servers repeat it', async () => {
    const dataNode = await serve(() => remoteException('IOException', `bad ${TOKEN}`))
    const nameNode = await serve(({ op, path }) =>
      op === 'OPEN' || op === 'CREATE'
        ? redirect(`http://127.0.0.1:${dataNode.port}${path}?op=${op}&delegation=theirs`)
        : remoteException('AccessControlException', `${TOKEN} and ${encodeURIComponent(TOKEN)}`),
    )
    const files = await WebHdfsFileManager.open(`webhdfs://127.0.0.1:${nameNode.port}/check`, {
      delegationToken: TOKEN,
      retryTimeMs: 0,
    })
    const calls = [
      () => files.stat('a'),
      () => files.moveIfAbsent('a', 'b', 'os'),
      () => files.read('a'),
      () => writeFile(files, 'a', 'x'),
    ]
    for (const call of calls) {
      const error: unknown = await call().catch((e: unknown) => e)
      expect(error).toBeInstanceOf(Error)
      for (const form of [TOKEN, encodeURIComponent(TOKEN), 'theirs'])
        expect(printed(error)).not.toContain(form)
    }
    expect(nameNode.seen.every(({ query }) => query.get('delegation') === TOKEN)).toBe(true)
    expect(nameNode.seen.some(({ query }) => query.has('user.name'))).toBe(false)
    expect(dataNode.seen.map(({ query }) => query.getAll('delegation'))).toEqual([
      ['theirs'],
      ['theirs'],
    ])
    await nameNode.stop()
    expect(printed(await files.stat('a').catch((e: unknown) => e))).not.toContain(TOKEN)
    expect(printed(files)).not.toContain(TOKEN)
  })

  test('a token that was refused is asked for anew, once', async () => {
    const nameNode = await serve(({ query }) =>
      query.get('delegation') === 'second' ? MOVED : remoteException('InvalidToken', 'expired'),
    )
    const location = `webhdfs://127.0.0.1:${nameNode.port}/check`
    const tokens = ['first', 'second']
    const files = await WebHdfsFileManager.open(location, {
      delegationToken: () => tokens.shift() ?? 'none left',
    })
    expect(await files.moveIfAbsent('a', 'b', 'os')).toBe('moved')
    expect(await files.moveIfAbsent('a', 'b', 'os')).toBe('moved')
    expect(tokens).toEqual([])
    const stale = await WebHdfsFileManager.open(location, { delegationToken: () => 'stale' })
    await expect(stale.moveIfAbsent('a', 'b', 'os')).rejects.toMatchObject(UNAVAILABLE)
    expect(nameNode.seen).toHaveLength(5)
  })

  test('headers go to the hosts of the location, and to no other', async () => {
    const dataNode = await serve(() => ({ body: 'hello' }))
    const nameNode = await serve(({ path }) =>
      redirect(`http://localhost:${dataNode.port}${path}?op=OPEN`),
    )
    const files = await open([nameNode], { headers: { authorization: 'geheim' } })
    expect(await textOf(files, 'a')).toBe('hello')
    const sent = [nameNode, dataNode].map(({ seen }) =>
      seen.map(({ headers }) => headers.authorization),
    )
    expect(sent).toEqual([['geheim'], [undefined]])
  })
})
