import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'
import { loadSettings } from './load.ts'

test.each(['docs/configuration.md', 'docs/zh-CN/configuration.md'])('the files shown in %s load', async (file) => {
  const page = await readFile(new URL(`../../${file}`, import.meta.url), 'utf8')
  const cwd = await mkdtemp(join(tmpdir(), 'goms-docs-'))
  try {
    await mkdir(join(cwd, 'configs'))
    for (const [, name = '', text = ''] of page.matchAll(/```yaml\n# configs\/(\w+\.yml)\n(.*?)```/gs)) {
      await writeFile(join(cwd, 'configs', basename(name)), text)
    }
    const { settings, files, warnings } = await loadSettings({ cwd, env: { NODE_ENV: 'production' } })
    expect(files).toHaveLength(2)
    expect(warnings).toEqual([])
    expect(settings.registry.endpoints).toEqual(['10.0.0.1:2379', '10.0.0.2:2379'])
    expect(settings.routes.user?.exists).toEqual({ type: 'rpc' })
  } finally {
    await rm(cwd, { recursive: true })
  }
})
