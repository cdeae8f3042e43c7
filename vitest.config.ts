import { defineConfig } from 'vitest/config'

/** Of the tests with whole processes those that measure nothing: they may run beside others. */
const UNHURRIED = [
  'elasticsearch',
  'elasticsearch-component',
  'events',
  'frameworks',
  'https',
  'log-flow',
  'mistakes',
  'opentelemetry',
  'prometheus',
  'rabbitmq',
  'reload',
  'routes',
  'shop',
  'slow-clients',
  'tools',
  'zipkin',
].map((name) => `test/system/${name}.test.ts`)

export default defineConfig({
  test: {
    pool: 'forks',
    testTimeout: 20_000,
    hookTimeout: 30_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'examples/**/*.test.ts'],
          exclude: ['test/system/**'],
          // Most of them wait rather than compute.
          maxWorkers: 5,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'processes',
          include: UNHURRIED,
          maxWorkers: 5,
          testTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: ['test/system/**/*.test.ts'],
          exclude: UNHURRIED,
          // Whole clusters that measure: one after another, when the rest is done.
          maxWorkers: 1,
          testTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
