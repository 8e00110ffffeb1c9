// Does with the types that openapi-typescript generates, and openapi-fetch, what programs
// do with Signalbox.
import assert from 'node:assert/strict'
import createClient from 'openapi-fetch'
import type { components, paths } from './generated/api.d.ts'

const client = createClient<paths>({
  baseUrl: process.env['SIGNALBOX_URL']!,
  headers: { Authorization: `ApiKey ${process.env['SIGNALBOX_KEY']}` },
})

// The result of a call, which must have one.
function must<T>(response: { data?: T; error?: unknown }): NonNullable<T> {
  assert.ok(response.data != null, JSON.stringify(response.error))
  return response.data
}

// Checks the problem of a request that failed.
function refused(result: { error?: components['schemas']['Problem']; response: Response }, status: number, code: string) {
  const { error } = result
  assert.deepEqual([result.response.status, error?.status], [status, status])
  assert.deepEqual([error?.code, error?.type], [code, `urn:signalbox:problem:${code}`])
  assert.ok(error?.request_id)
}

async function configurations() {
  const where = { environment: 'production', service_name: 'typescript' }
  const created = await client.POST('/api/v1/config/', { body: { key: 'database.url', value: 'one', ...where } })
  const made = must(created)
  assert.deepEqual([created.response.status, made.version, created.response.headers.get('ETag')], [201, 1, '"1"'])
  assert.ok(created.response.headers.get('Location'))

  const at = { path: { config: 'database.url' }, query: where }
  const found = await client.GET('/api/v1/config/{config}', { params: at })
  assert.equal(must(found).value, 'one')
  const tag = found.response.headers.get('ETag')!
  assert.equal(tag, '"1"')

  const params = { path: { config: made.id }, header: { 'If-Match': tag } }
  const changed = must(await client.PUT('/api/v1/config/{config}', { params, body: { value: 'two' } }))
  assert.equal(changed.version, 2)
  const stale = await client.PUT('/api/v1/config/{config}', { params, body: { value: 'three' } })
  refused(stale, 412, 'stale_version')

  const id = { path: { config_id: made.id } }
  const history = must(
    await client.GET('/api/v1/config/{config_id}/history', { params: { ...id, query: { cursor: '' } } }),
  )
  assert.equal(history.total, 2)
  assert.deepEqual(history.history.map((entry) => entry.new_value), ['two', 'one'])
  const back = must(await client.POST('/api/v1/config/{config_id}/rollback', { params: id, body: { version: 1 } }))
  assert.deepEqual([back.version, back.value], [3, 'one'])

  const list = must(await client.GET('/api/v1/config/', { params: { query: { service_name: 'typescript' } } }))
  assert.equal(list.configurations.length, 1)
  const none = await client.GET('/api/v1/config/{config}', { params: { path: { config: 'nothing' }, query: where } })
  refused(none, 404, 'configuration_not_found')
}

async function flags() {
  const environment = 'production'
  const kinds = {
    boolean: [true, false], string: ['a', 'b'], integer: [1, 2], float: [0.5, 1.5], object: [{ a: 1 }, {}],
  } as const
  for (const [kind, [on, off]] of Object.entries(kinds)) {
    const name = `typescript-${kind}`
    const body: components['schemas']['FlagCreate'] = {
      name, environment, type: kind as keyof typeof kinds, is_enabled: true, variants: { on, off }, default: { variant: 'on' },
    }
    const made = must(await client.POST('/api/v1/feature-flags/', { body }))
    assert.deepEqual([made.is_enabled, made.version], [true, 1])
    const decision = must(
      await client.POST('/api/v1/feature-flags/evaluate', {
        body: { flag_name: name, environment, user_id: 'u1', context: { plan: 'gold' } },
      }),
    )
    assert.deepEqual([decision.enabled, decision.variant, decision.value], [true, 'on', on])
  }
  const query = { environment }
  const found = await client.GET('/api/v1/feature-flags/{flag}', {
    params: { path: { flag: 'typescript-boolean' }, query },
  })
  const flag = must(found)
  const tag = found.response.headers.get('ETag')!
  const condition = { path: { flag: flag.id }, header: { 'If-Match': tag } }
  const changed = must(
    await client.PUT('/api/v1/feature-flags/{flag}', { params: condition, body: { target_users: ['u2'] } }),
  )
  assert.deepEqual([changed.version, changed.target_users], [2, ['u2']])
  const stale = await client.PUT('/api/v1/feature-flags/{flag}', { params: condition, body: { target_users: ['u3'] } })
  refused(stale, 412, 'stale_version')
  const params = { path: { flag_id: flag.id } }
  const history = must(await client.GET('/api/v1/feature-flags/{flag_id}/history', { params }))
  assert.equal(history.total, 2)
  assert.deepEqual(history.history.map((entry) => entry.new?.target_users), [['u2'], []])
  const back = must(await client.POST('/api/v1/feature-flags/{flag_id}/rollback', { params, body: { version: 1 } }))
  assert.deepEqual([back.version, back.target_users], [3, []])
  const none = await client.GET('/api/v1/feature-flags/{flag}', { params: { path: { flag: 'nothing' }, query } })
  refused(none, 404, 'flag_not_found')
  const ahead = await client.GET('/api/v1/feature-flags/{flag}', {
    params: { path: { flag: flag.name }, query: { ...query, min_version: 9 } },
  })
  refused(ahead, 412, 'stale_version')
  const why = must(
    await client.POST('/api/v1/feature-flags/explain', { body: { flag_name: flag.name, environment, user_id: 'u1' } }),
  )
  assert.ok(why.decision.enabled)
  const last = why.steps.at(-1)
  assert.deepEqual([last?.step, last?.held, last?.variant], ['serve', true, 'on'])
}

async function services() {
  const service_name = 'typescript'
  const made = must(
    await client.POST('/api/v1/registry/register', {
      body: { service_name, instance_id: 'a', service_url: 'http://127.0.0.1:1', ttl_seconds: 30 },
    }),
  )
  assert.equal(made.lease_epoch, 1)
  const beat = must(
    await client.PUT('/api/v1/registry/{service_name}/instances/{instance_id}/heartbeat', {
      params: { path: { service_name, instance_id: 'a' } }, body: { lease_epoch: 1 },
    }),
  )
  assert.equal(beat.expires_in_ms, 30_000)
  const heartbeats = ['a', 'b'].map((instance_id) => ({ service_name, instance_id, lease_epoch: 1 }))
  const batch = must(await client.POST('/api/v1/registry/heartbeats', { body: { heartbeats } }))
  assert.deepEqual(batch.results.map((result) => result.status), [200, 404])
  const discovered = await client.GET('/api/v1/discovery/{service_name}', {
    params: { path: { service_name }, query: { ready: true } },
  })
  assert.ok(discovered.response.headers.get('ETag'))
  assert.deepEqual(must(discovered).map((instance) => [instance.instance_id, instance.observed]), [['a', 'passing']])
}

await configurations()
await flags()
await services()
console.log('typescript: ok')
