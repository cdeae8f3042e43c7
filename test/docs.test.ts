/** Holds the documents to the project: links lead somewhere, code compiles, commands run, both languages say the same. */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { loadSettings } from '../src/config/load.ts'
import { defaultGateway, defaultPolicy } from '../src/core/options.ts'
import { allPages, anchorsOf, type Block, linksOf, type Page, readPage, root, rowsUnder } from './support/markdown.ts'
import { freePort, killAll, startGoms } from './support/processes.ts'

const pages: readonly Page[] = allPages()
const cache = join(root, '.cache')
mkdirSync(cache, { recursive: true })
// Below the project, so that `goms` and the frameworks are found from there.
const work = mkdtempSync(join(cache, 'docs-'))
afterAll(async () => {
  await killAll()
  rmSync(work, { recursive: true, force: true })
})

/** A page and its twin in Chinese. */
const twins: readonly (readonly [string, string])[] = [
  ['README.md', 'README.zh-CN.md'],
  ...pages
    .filter(
      (page) =>
        /^docs\/(?!zh-CN\/).*\.md$/.test(page.file) &&
        !/^docs\/(architecture|protocol|benchmarks)\.md$/.test(page.file),
    )
    .map((page) => [page.file, page.file.replace(/^docs\//, 'docs/zh-CN/')] as const),
]

/** Code without what is written for people. */
function bare(block: Block): string {
  if (block.mark === 'translated') return ''
  const hasComments = ['sh', 'ts', 'yaml'].includes(block.language)
  return hasComments ? block.text.replace(/(^|\s+)(#|\/\/) .*$/gm, '') : block.text
}

function write(dir: string, name: string, text: string): void {
  mkdirSync(dirname(join(dir, name)), { recursive: true })
  writeFileSync(join(dir, name), text)
}

test('the guides are there in both languages', () => {
  const chinese = pages.filter((page) => page.file.includes('zh-CN')).map((page) => page.file)
  expect(twins.map(([, zh]) => zh).sort()).toEqual(chinese.sort())
})

test.each(twins)('%s and %s have the same parts, and the same code', (en, zh) => {
  const [one, other] = [readPage(en), readPage(zh)]
  const depth = (heading: string): number => heading.indexOf(' ')
  expect(other.headings.map(depth)).toEqual(one.headings.map(depth))
  expect(other.blocks.map((block) => block.language)).toEqual(one.blocks.map((block) => block.language))
  expect(other.blocks.map(bare)).toEqual(one.blocks.map(bare))
  const shape = (page: Page): string[] => page.prose.split('\n').filter((line) => /^(\||- |\d+\. )/.test(line))
  expect(shape(other).map((line) => line[0])).toEqual(shape(one).map((line) => line[0]))
})

test('every link within the project leads somewhere', () => {
  const broken: string[] = []
  for (const page of pages) {
    for (const link of linksOf(page).filter((it) => !/^[a-z]+:/.test(it))) {
      const [path = '', anchor] = decodeURI(link).split('#')
      const file = path === '' ? page.file : relative(root, join(root, dirname(page.file), path))
      const target = pages.find((it) => it.file === file)
      const found =
        existsSync(join(root, file)) && (anchor === undefined || (target && anchorsOf(target).includes(anchor)))
      if (!found) broken.push(`${page.file}: ${link}`)
    }
  }
  expect(broken).toEqual([])
})

test('excerpts stand in the file that they are taken from', () => {
  for (const page of pages) {
    for (const { mark, text } of page.blocks) {
      const file = /^excerpt: (\S+)$/.exec(mark ?? '')?.[1]
      if (file !== undefined) expect(readFileSync(join(root, file), 'utf8'), page.file).toContain(text)
    }
  }
})

test('every other TypeScript block is a whole file that compiles', () => {
  const dir = join(work, 'types')
  const config = {
    extends: relative(dir, join(root, 'tsconfig.json')),
    compilerOptions: { paths: { goms: [relative(dir, join(root, 'src', 'index.ts'))] } },
    include: ['*.ts'],
  }
  write(dir, 'tsconfig.json', JSON.stringify(config))
  // It must turn up, or the others were not looked at.
  write(dir, 'wrong-line-1.ts', "export const wrong: number = 'text'\n")
  let count = 0
  for (const page of pages) {
    for (const block of page.blocks.filter((it) => it.language === 'ts' && it.mark === undefined)) {
      count++
      write(dir, `${page.file.replaceAll(/[^A-Za-z]/g, '-')}-line-${block.line}.ts`, block.text)
    }
  }
  expect(count).toBeGreaterThan(10)
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const { stdout } = spawnSync(process.execPath, [tsc, '-p', dir, '--pretty', 'false'], { cwd: dir, encoding: 'utf8' })
  // Only what the documents get wrong: the sources have checks of their own.
  const found = stdout.split('\n').filter((line) => line.includes('-line-'))
  expect(found).toEqual([expect.stringMatching(/^wrong-line-1\.ts\(1,14\): error TS2322/)])
})

test('the configuration files that are shown load', async () => {
  for (const page of pages) {
    for (const [at, block] of page.blocks.entries()) {
      const name = /^# (configs\/\w+\.yml)\n/.exec(block.text)?.[1]
      if (block.language !== 'yaml' || name === undefined) continue
      const cwd = join(work, `yaml-${page.file.replaceAll('/', '-')}-${at}`)
      write(cwd, name, block.text)
      // Passwords come from the environment.
      const env: Record<string, string> = block.text.includes('etcdUser') ? { GOMS_ETCD_PASSWORD: 'secret' } : {}
      const { files } = await loadSettings({ cwd, env })
      expect(files, `${page.file}:${block.line}`).toHaveLength(1)
    }
  }
})

test('the defaults that are shown are those of the code', () => {
  for (const file of ['resilience.md', 'gateway.md'].flatMap((it) => [`docs/guide/${it}`, `docs/zh-CN/guide/${it}`])) {
    const rows = rowsUnder(readPage(file), 'defaults')
    expect(rows.length, file).toBeGreaterThan(8)
    for (const [key = '', shown = ''] of rows) {
      const [, inGateway, name = ''] = /^`(gateway\.)?(\w+)`$/.exec(key) ?? []
      const from: Readonly<Record<string, unknown>> = { ...(inGateway ? defaultGateway : defaultPolicy) }
      const at = name in from ? name : `${name}Ms`
      expect(Object.keys(from), `${file}: ${key}`).toContain(at)
      expect(shown, `${file}: ${key}`).toBe(String(from[at] ?? (file.includes('zh-CN') ? '无' : 'none')))
    }
  }
})

test('the commands marked as such run', () => {
  const ran: string[] = []
  for (const { blocks } of pages) {
    for (const block of blocks.filter((it) => it.mark === 'run' && it.language === 'sh')) {
      if (ran.includes(block.text)) continue
      expect(execFileSync('sh', ['-e', '-c', block.text], { cwd: root, encoding: 'utf8' })).not.toBe('')
      ran.push(block.text)
    }
  }
  expect(ran.length).toBeGreaterThan(0)
})

test('what the README shows of a service of your own works as it is written', async () => {
  const dir = join(work, 'readme')
  for (const { text } of readPage('README.md').blocks) {
    const name = /^(?:\/\/|#) ((?:services\/|configs\/services|gateway)\S*\.(?:ts|yml))\n/.exec(text)?.[1]
    if (name !== undefined) write(dir, name, text)
  }
  const args = ['dev', 'gateway.ts', 'services/user.ts:2', 'services/order.ts', '-http_port', '0', '-rpc_port', '0']
  const running = startGoms(args, { cwd: dir, env: { GOMS_EMBEDDED_PORT: String(await freePort(4)) } })
  const { match } = await running.waitForLine(/gateway +(http:\S+)/, 15_000)
  const answer = await fetch(`${match[1]}/api/user/exists?username=bob`)
  const shown = /^# (\{"status":true.*\})$/m.exec(readFileSync(join(root, 'README.md'), 'utf8'))?.[1]
  expect(await answer.text()).toBe(shown)
  const ordered = await fetch(`${match[1]}/api/order/submit`, { method: 'POST' })
  expect(await ordered.json()).toMatchObject({ status: true, data: { data: { exists: true } } })
  expect((await running.stop()).code).toBe(0)
})
