import { describe, expect, test } from 'vitest'
import { hostCheck } from '../../../../src/files/webhdfs/allowed-hosts.ts'
import { parseHdfsLocation } from '../../../../src/files/webhdfs/location.ts'
import { WebHdfsFileManager } from '../../../../src/files/webhdfs/webhdfs.ts'

const INVALID = { code: 'TIDEMARK_INVALID_OPTIONS' }

describe('a location', () => {
  test('names one NameNode or several, with the ports of Hadoop where none is given', () => {
    expect(parseHdfsLocation('webhdfs://nn:50070/a/b')).toEqual({
      secure: false,
      nameNodes: [{ host: 'nn', port: 50_070 }],
      segments: ['a', 'b'],
    })
    expect(parseHdfsLocation('SWebHDFS://NN1.example,nn2.example:1/')).toEqual({
      secure: true,
      nameNodes: [
        { host: 'nn1.example', port: 9871 },
        { host: 'nn2.example', port: 1 },
      ],
      segments: [],
    })
    expect(parseHdfsLocation('webhdfs://[::1]:1,127.0.0.1').nameNodes).toEqual([
      { host: '::1', port: 1 },
      { host: '127.0.0.1', port: 9870 },
    ])
  })

  test('has a path that is taken as it stands', () => {
    expect(parseHdfsLocation('webhdfs://nn/a b/%20+é/').segments).toEqual(['a b', '%20+é'])
  })

  test('of any other form is refused', async () => {
    for (const location of [
      'webhdfs:/nn/a',
      'webhdfs:///a',
      'webhdfs://nn:0/a',
      'webhdfs://nn:65536/a',
      'webhdfs://nn:x/a',
      'webhdfs://nn,/a',
      'webhdfs://n n/a',
      'webhdfs://nn/a//b',
      'webhdfs://nn/a/../b',
      'webhdfs://nn/./b',
      'webhdfs://nn/a\\b',
      'webhdfs://nn/a\0b',
      'webhdfs://nn/a?op=DELETE',
      'webhdfs://nn/a#b',
      `webhdfs://nn/${'x'.repeat(256)}`,
      `webhdfs://${Array.from({ length: 9 }, () => 'nn').join(',')}/a`,
      'http://nn/a',
      '/a',
    ])
      await expect(WebHdfsFileManager.open(location), location).rejects.toMatchObject(INVALID)
  })

  test('that holds a secret is refused without repeating it', async () => {
    for (const location of [
      'webhdfs://me:geheim@nn/a',
      'webhdfs://nn/a?delegation=geheim',
      'webhdfs://nn/a#geheim',
    ]) {
      const error: unknown = await WebHdfsFileManager.open(location).catch((e: unknown) => e)
      expect(error).toMatchObject(INVALID)
      expect(String(error)).not.toContain('geheim')
    }
  })

  test('with hdfs:// is refused with the one to use', async () => {
    await expect(WebHdfsFileManager.open('hdfs://nn1.example:8020/a')).rejects.toMatchObject({
      ...INVALID,
      message: expect.stringContaining('webhdfs://nn1.example:9870/path'),
    })
  })
})

describe('options', () => {
  test('that are not right are refused, each by its name and without what may be secret', async () => {
    for (const [name, value] of Object.entries({
      user: '',
      delegationToken: { geheim: 'geheim' },
      headers: { authorization: 'geheim\n' },
      allowedHosts: 'nn',
      connectTimeoutMs: 0,
      answerTimeoutMs: 1.5,
      idleTimeoutMs: Infinity,
      retryTimeMs: -1,
      socketsMax: 'geheim',
      timeout: 1,
    })) {
      const opening = WebHdfsFileManager.open('webhdfs://nn/a', { [name]: value })
      const error: unknown = await opening.catch((e: unknown) => e)
      expect(error, name).toMatchObject(INVALID)
      expect(String(error)).toContain(`\`${name}\``)
      expect(String(error)).not.toContain('geheim')
    }
  })

  const ofWrongKind: Record<string, unknown>[] = [
    ...[3, 'x-a: 1', null, ['x']].map((headers) => ({ headers })),
    ...[3, null, 'ca'].map((tls) => ({ tls })),
    ...[3, null, {}, { nowMs: () => 0 }].map((clock) => ({ clock })),
    { socketsMax: null },
    { toString: 1 },
  ]
  test.each(ofWrongKind)('of a wrong kind are refused where they come in: %j', async (options) => {
    const opening = WebHdfsFileManager.open('webhdfs://nn/a', options)
    await expect(opening).rejects.toMatchObject(INVALID)
    await expect(opening).rejects.toThrow(`\`${Object.keys(options)[0]}\``)
  })

  test.each([null, 'x', 3])('that are %j are no object', async (options) => {
    const opening = WebHdfsFileManager.open('webhdfs://nn/a', options as never)
    await expect(opening).rejects.toMatchObject(INVALID)
  })

  test('a user beside a token would be two answers to one question', async () => {
    const both = { user: 'me', delegationToken: 'geheim' }
    await expect(WebHdfsFileManager.open('webhdfs://nn/a', both)).rejects.toMatchObject(INVALID)
  })
})

describe('the hosts that a NameNode may send us to', () => {
  const check = (location: string, hosts: readonly string[], allowed?: readonly string[]) => {
    const isAllowed = hostCheck(parseHdfsLocation(location), allowed)
    return hosts.filter((host) => isAllowed({ host, port: 9864 }))
  }

  test('are by default itself, loopback beside loopback, bare names beside bare names, and its domain', () => {
    const hosts = [
      'nn',
      'dn',
      'localhost',
      '127.0.0.1',
      '127.8.8.8',
      '::1',
      '10.0.0.2',
      '169.254.169.254',
    ]
    expect(check('webhdfs://127.0.0.1:1/', hosts)).toEqual([
      'localhost',
      '127.0.0.1',
      '127.8.8.8',
      '::1',
    ])
    expect(check('webhdfs://nn/', hosts)).toEqual(['nn', 'dn'])
    expect(check('webhdfs://10.0.0.1/', hosts)).toEqual([])
    const named = [
      'dn1.hdfs.example',
      'a.dn1.hdfs.example',
      'hdfs.example',
      'dn1.example',
      'hdfs.example.evil',
      'evilhdfs.example',
      'localhost',
      'dn',
    ]
    expect(check('webhdfs://nn1.hdfs.example/', named)).toEqual([
      'dn1.hdfs.example',
      'a.dn1.hdfs.example',
    ])
    expect(check('webhdfs://nn1.example/', named)).toEqual([])
  })

  test('are those named, and no others', () => {
    const hosts = ['dn1', 'dn2', 'x.example', 'example', 'nn', '::1']
    expect(check('webhdfs://nn/', hosts, ['DN1', 'dn2:1', '*.example', '[::1]:9864'])).toEqual([
      'dn1',
      'x.example',
      'nn',
      '::1',
    ])
    expect(check('webhdfs://nn/', hosts, ['dn2:9864'])).toEqual(['dn2', 'nn'])
  })
})
