/**
 * Builds `src` into `dist`: JavaScript, declarations, source maps and the JSON Schema of the configuration.
 * Compiles beside `dist` and moves only what changed, so that processes running from it never meet half a file.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { root, run, sourceHash, stampFile } from './ensure.mjs'

const dist = join(root, 'dist')
const fresh = join(root, '.cache', `build-${process.pid}`)
const hash = sourceHash()

const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
const compiled = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--outDir', fresh], {
  cwd: root,
  stdio: 'inherit',
})
if (compiled.status !== 0) {
  rmSync(fresh, { recursive: true, force: true })
  process.exit(compiled.status ?? 1)
}

const names = new Set(filesIn(fresh))
for (const name of names) {
  const from = join(fresh, name)
  const to = join(dist, name)
  let content = readFileSync(from, 'utf8')
  // `fresh` is one folder deeper than `dist`.
  if (name.endsWith('.map')) content = content.replace('"sources":["../', '"sources":["')
  if (existsSync(to) && readFileSync(to, 'utf8') === content) continue
  mkdirSync(dirname(to), { recursive: true })
  writeFileSync(from, content)
  renameSync(from, to)
}
// What is left of sources that are gone.
for (const name of filesIn(dist)) {
  if (/\.(js|d\.ts|js\.map)$/.test(name) && !names.has(name)) rmSync(join(dist, name))
}
rmSync(fresh, { recursive: true, force: true })

const main = join(dist, 'cli', 'main.js')
if (existsSync(main)) chmodSync(main, 0o755)
const schema = join(root, 'scripts', 'config-schema.mjs')
if (existsSync(schema)) run(process.execPath, [schema], 'config-schema')
writeFileSync(stampFile, hash)

function filesIn(dir) {
  if (!existsSync(dir)) return []
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(dir, join(entry.parentPath, entry.name)))
}
