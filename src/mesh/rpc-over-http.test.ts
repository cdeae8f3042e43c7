import { describe, expect, it } from 'vitest'
import type { ActionRequest } from '../core/running.ts'
import { callOverHttp } from './rpc-over-http.ts'

const ref = { service: 'user', method: 'exists', options: { timeoutMs: 300 } }

function ask(status: number, body: string, methods?: readonly string[], seen: ActionRequest[] = []): Promise<unknown> {
  const http = async (_service: string, _action: string, request: ActionRequest): Promise<Response> => {
    seen.push(request)
    return new Response(body, { status })
  }
  return callOverHttp(http, ref, methods, { username: 'bob' }, {}, undefined)
}

describe('a call over HTTP', () => {
  it('is a POST with JSON, or what the route asks for', async () => {
    const seen: ActionRequest[] = []
    await ask(200, '{}', undefined, seen)
    await ask(200, '{}', ['GET'], seen)
    expect(seen).toEqual([
      { method: 'POST', json: { username: 'bob' }, timeoutMs: 300 },
      { method: 'GET', query: { username: 'bob' }, timeoutMs: 300 },
    ])
  })

  it('gives the data out of its envelope, or the whole answer where there is none', async () => {
    expect(await ask(200, '{"code":0,"msg":"success","data":{"exists":true}}')).toEqual({ exists: true })
    expect(await ask(200, '{"exists":true}')).toEqual({ exists: true })
    expect(await ask(200, '{"data":1,"more":2}')).toEqual({ data: 1, more: 2 })
    expect(await ask(200, '')).toBeUndefined()
  })

  it('rejects with what the answer says of the failure', async () => {
    await expect(ask(404, '{"code":404,"msg":"nobody","data":null}')).rejects.toMatchObject({
      code: 'NOT_FOUND',
      status: 404,
      message: 'nobody',
    })
    await expect(ask(200, '{"code":7,"msg":"no"}')).rejects.toMatchObject({ code: 'UNKNOWN', message: 'no' })
    await expect(ask(409, '{"status":false,"code":"ABORTED","msg":"later"}')).rejects.toMatchObject({ code: 'ABORTED' })
    await expect(ask(200, '<html>')).rejects.toMatchObject({ code: 'DATA_LOSS' })
  })
})
