/** Finds and reads the files of a configuration directory, bounded in size. */
import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { join, relative, resolve, sep } from 'node:path'
import type { Source } from './frame.ts'
import type { Mistake } from './mistake.ts'

/** In the order of reading. */
export const FILE_NAMES: readonly string[] = ['config', 'services', 'routes']

/** Bytes of one file. */
export const MAX_FILE_BYTES = 1_048_576

export interface ConfigText extends Source {
  /** Absolute. */
  readonly file: string
  /** Of the bytes; tells whether a save changed anything. */
  readonly hash: string
}

export interface ConfigTexts {
  readonly directory: string
  readonly texts: readonly ConfigText[]
  readonly mistakes: readonly Mistake[]
}

/** Every path that is looked at, whether or not it is there. */
export function pathsIn(directory: string): readonly string[] {
  return FILE_NAMES.flatMap((name) => [join(directory, `${name}.yml`), join(directory, `${name}.yaml`)])
}

/** Reads what is there. A missing directory is a mistake only where it was asked for. */
export async function readTexts(cwd: string, configs: string, asked: string | undefined): Promise<ConfigTexts> {
  const directory = resolve(cwd, configs)
  const mistakes: Mistake[] = []
  const missing = await notADirectory(directory)
  if (missing !== undefined) {
    if (asked !== undefined || missing !== 'is not there') {
      mistakes.push({
        code: 'GOMS_CONFIG_UNREADABLE',
        message: `${asked ?? 'configs'}: the directory ${shownPath(cwd, directory)} ${missing}`,
        fix: ['give the directory that holds config.yml: `-configs <directory>`'],
      })
    }
    return { directory, texts: [], mistakes }
  }
  const found = await Promise.all(pathsIn(directory).map((file) => readText(cwd, file)))
  const texts: ConfigText[] = []
  for (let i = 0; i < found.length; i += 2) {
    const pair = [found[i], found[i + 1]].filter((one) => one !== undefined)
    for (const one of pair) 'code' in one ? mistakes.push(one) : texts.push(one)
    if (pair.length === 2) {
      const name = FILE_NAMES[i / 2]
      mistakes.push({
        code: 'GOMS_CONFIG_DUPLICATE',
        message: `${shownPath(cwd, directory)}: both ${name}.yml and ${name}.yaml are there`,
        fix: ['keep one of the two'],
      })
    }
  }
  return { directory, texts, mistakes }
}

/** Hashes by file; an empty file is as good as none, since that is what a save looks like in its middle. */
export function hashesOf(texts: readonly ConfigText[]): Map<string, string> {
  return new Map(texts.filter((text) => text.text.trim() !== '').map((text) => [text.file, text.hash]))
}

async function notADirectory(directory: string): Promise<string | undefined> {
  try {
    return (await stat(directory)).isDirectory() ? undefined : 'is not a directory'
  } catch (error) {
    return isMissing(error) ? 'is not there' : `cannot be read (${codeOf(error)})`
  }
}

/** A file, what is wrong with it, or undefined where there is none. */
export async function readText(cwd: string, file: string): Promise<ConfigText | Mistake | undefined> {
  const path = shownPath(cwd, file)
  let bytes: Buffer
  try {
    const { size } = await stat(file)
    if (size > MAX_FILE_BYTES) return tooLong(path, size)
    bytes = await readFile(file)
  } catch (error) {
    if (isMissing(error)) return undefined
    return { code: 'GOMS_CONFIG_UNREADABLE', message: `${path} cannot be read (${codeOf(error)})` }
  }
  // The file may have grown between the two.
  if (bytes.length > MAX_FILE_BYTES) return tooLong(path, bytes.length)
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return { file, path, text, hash: createHash('sha256').update(bytes).digest('hex') }
  } catch {
    return { code: 'GOMS_CONFIG_SYNTAX', message: `${path} is not UTF-8`, fix: ['save it as UTF-8'] }
  }
}

function tooLong(path: string, bytes: number): Mistake {
  return { code: 'GOMS_CONFIG_UNREADABLE', message: `${path} is too long (${bytes} bytes, at most ${MAX_FILE_BYTES})` }
}

/** From where the person stands, unless that is longer than the absolute path. */
export function shownPath(cwd: string, file: string): string {
  const near = relative(cwd, file)
  const path = near === '' ? '.' : near.startsWith(`..${sep}..`) ? file : near
  return path.replaceAll('\\', '/')
}

function isMissing(error: unknown): boolean {
  const code = codeOf(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}
