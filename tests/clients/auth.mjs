// Scenarios of sign-in with the unmodified client, each by itself; the results go to standard
// output as one JSON object a line.
import assert from 'node:assert/strict'
import { createClient } from '@supabase/supabase-js'
import ws from 'ws'

const { url, publishable, secret, plain } = JSON.parse(process.argv[2])
const options = (more = {}) => ({ realtime: { transport: ws }, auth: { autoRefreshToken: false, persistSession: true, storage: memory(), ...more } })
const guest = (more) => createClient(url, publishable, options(more))
const admin = createClient(url, secret, options())
// A second server, on which addresses need no confirmation.
const quick = () => createClient(plain.url, plain.publishable, options())
const password = 'correct horse battery'
let number = 0
const email = () => `js${++number}@example.com`

function memory() {
  const kept = new Map()
  return {
    getItem: (name) => kept.get(name) ?? null,
    setItem: (name, value) => void kept.set(name, value),
    removeItem: (name) => void kept.delete(name),
  }
}

async function ok(promise) {
  const { data, error } = await promise
  assert.equal(error, null, error && `${error.status} ${error.code} ${error.message}`)
  return data
}

async function refused(promise, code) {
  const { error } = await promise
  assert.ok(error, `${code} was expected`)
  assert.equal(error.code, code, error.message)
  return error
}

const claims = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'))

const phone = () => `4477008${String(++number).padStart(5, '0')}`
async function mail(to) {
  for (let wait = 0; wait < 100; wait++) {
    const mails = await (await fetch(`${url}/dev/mail.json`)).json()
    const found = mails.find((mail) => mail.to === to)
    if (found) return found
    await new Promise((done) => setTimeout(done, 20))
  }
  assert.fail(`no mail to ${to}`)
}
const codeFor = async (to) => (await mail(to)).text.match(/Your code: (\d+)/)[1]
const linkFor = async (to) => (await mail(to)).text.match(/https?:\S+\/verify\S+/)[0]
const smsFor = async (to) => (await mail(to)).text.match(/Your code is (\d+)/)[1]
const open = (link) => fetch(link, { redirect: 'manual' })

async function confirmed(client = guest()) {
  const address = email()
  await ok(admin.auth.admin.createUser({ email: address, password, email_confirm: true }))
  await ok(client.auth.signInWithPassword({ email: address, password }))
  return [client, address]
}

const scenarios = {
  async sign_up_confirm_and_sign_in() {
    const [client, address] = [guest(), email()]
    const { user, session } = await ok(client.auth.signUp({ email: address, password, options: { data: { name: 'Ann' } } }))
    assert.equal(session, null)
    assert.equal(user.email, address)
    assert.equal(user.user_metadata.name, 'Ann')
    assert.equal(user.identities.length, 1)
    await refused(client.auth.signInWithPassword({ email: address, password }), 'email_not_confirmed')
    const verified = await ok(client.auth.verifyOtp({ email: address, token: await codeFor(address), type: 'signup' }))
    assert.ok(verified.session.access_token)
    const signedIn = await ok(guest().auth.signInWithPassword({ email: address, password }))
    const told = claims(signedIn.session.access_token)
    assert.equal(told.role, 'authenticated')
    assert.equal(told.aal, 'aal1')
    assert.equal(told.amr[0].method, 'password')
    assert.equal(told.sub, user.id)
    assert.equal(told.is_anonymous, false)
    assert.equal(told.user_metadata.name, 'Ann')
    assert.deepEqual(told.app_metadata, { provider: 'email', providers: ['email'] })
  },

  async sign_up_without_confirmation() {
    const [client, address] = [quick(), email()]
    const { session, user } = await ok(client.auth.signUp({ email: address, password }))
    assert.ok(session.access_token)
    assert.ok(user.email_confirmed_at)
    await refused(quick().auth.signUp({ email: address, password }), 'user_already_exists')
  },

  async a_known_address_is_not_told() {
    const [, address] = await confirmed()
    const { user, session } = await ok(guest().auth.signUp({ email: address, password: 'another one entirely' }))
    assert.equal(session, null)
    assert.deepEqual(user.identities, [])
  },

  async sign_in_refresh_and_sign_out() {
    const [client, address] = await confirmed()
    const before = (await ok(client.auth.getSession())).session
    const { session, user } = await ok(client.auth.refreshSession())
    assert.notEqual(session.refresh_token, before.refresh_token)
    assert.equal(user.email, address)
    assert.equal(claims(session.access_token).session_id, claims(before.access_token).session_id)
    assert.equal((await ok(client.auth.getUser())).user.email, address)
    await ok(client.auth.signOut())
    const { error } = await client.auth.getUser(before.access_token)
    assert.equal(error.name, 'AuthSessionMissingError')
    const restored = await guest().auth.setSession(session)
    assert.ok(restored.error)
  },

  async a_wrong_password_and_an_unknown_user_are_alike() {
    const [, address] = await confirmed()
    const wrong = await refused(guest().auth.signInWithPassword({ email: address, password: 'wrong' }), 'invalid_credentials')
    const unknown = await refused(guest().auth.signInWithPassword({ email: email(), password }), 'invalid_credentials')
    assert.equal(wrong.message, unknown.message)
    assert.equal(wrong.message, 'Invalid login credentials')
  },

  async a_user_changes_data_and_password() {
    const [client, address] = await confirmed()
    const { user } = await ok(client.auth.updateUser({ data: { name: 'Bea', shoe: 39 } }))
    assert.deepEqual([user.user_metadata.name, user.user_metadata.shoe], ['Bea', 39])
    await ok(client.auth.updateUser({ data: { shoe: null } }))
    assert.equal((await ok(client.auth.getUser())).user.user_metadata.shoe, undefined)
    await refused(client.auth.updateUser({ password }), 'same_password')
    await refused(client.auth.updateUser({ password: 'abc' }), 'weak_password')
    await ok(client.auth.updateUser({ password: 'a new one entirely' }))
    await refused(guest().auth.signInWithPassword({ email: address, password }), 'invalid_credentials')
    await ok(guest().auth.signInWithPassword({ email: address, password: 'a new one entirely' }))
  },

  async sign_out_scopes() {
    const [first, address] = await confirmed()
    const [second, third] = [guest(), guest()]
    for (const client of [second, third]) await ok(client.auth.signInWithPassword({ email: address, password }))
    await ok(second.auth.signOut({ scope: 'local' }))
    await ok(first.auth.getUser())
    await ok(first.auth.signOut({ scope: 'others' }))
    await ok(first.auth.getUser())
    await refused(third.auth.refreshSession(), 'refresh_token_not_found')
    const token = (await ok(first.auth.getSession())).session.access_token
    await ok(admin.auth.admin.signOut(token, 'global'))
    await refused(first.auth.refreshSession(), 'refresh_token_not_found')
  },

  async anonymous_users_become_permanent() {
    const client = guest()
    const { user, session } = await ok(client.auth.signInAnonymously({ options: { data: { basket: 1 } } }))
    assert.equal(user.is_anonymous, true)
    assert.equal(claims(session.access_token).is_anonymous, true)
    assert.deepEqual(user.identities, [])
    const address = email()
    await ok(client.auth.updateUser({ email: address }))
    const verified = await ok(client.auth.verifyOtp({ email: address, token: await codeFor(address), type: 'email_change' }))
    assert.equal(verified.user.is_anonymous, false)
    assert.equal(verified.user.id, user.id)
    await ok(client.auth.updateUser({ password }))
    await ok(guest().auth.signInWithPassword({ email: address, password }))
  },

  async sign_in_with_a_code() {
    const [client, address] = [guest(), email()]
    await refused(client.auth.signInWithOtp({ email: address, options: { shouldCreateUser: false } }), 'otp_disabled')
    await ok(client.auth.signInWithOtp({ email: address }))
    const { session } = await ok(client.auth.verifyOtp({ email: address, token: await codeFor(address), type: 'email' }))
    assert.equal(claims(session.access_token).amr[0].method, 'otp')
    await refused(client.auth.verifyOtp({ email: address, token: '000000', type: 'email' }), 'otp_expired')
  },

  async a_link_brings_tokens_in_the_fragment() {
    const [, address] = await confirmed()
    await ok(guest().auth.signInWithOtp({ email: address, options: { emailRedirectTo: `${url}/welcome?x=1` } }))
    const answer = await open(await linkFor(address))
    assert.equal(answer.status, 303)
    const [target, fragment] = answer.headers.get('location').split('#')
    assert.equal(target, `${url}/welcome?x=1`)
    const members = Object.fromEntries(new URLSearchParams(fragment))
    const { user } = await ok(guest().auth.getUser(members.access_token))
    assert.equal(user.email, address)
    assert.deepEqual(Object.keys(members).sort(), ['access_token', 'expires_at', 'expires_in', 'refresh_token', 'sb', 'token_type', 'type'])
    const again = await open(await linkFor(address))
    assert.match(again.headers.get('location'), /#error=access_denied&error_code=otp_expired/)
  },

  async a_link_with_a_verifier_brings_a_code() {
    const [client, address] = [guest({ flowType: 'pkce' }), email()]
    await ok(client.auth.signUp({ email: address, password }))
    const answer = await open(await linkFor(address))
    const target = new URL(answer.headers.get('location'))
    assert.equal(target.hash, '')
    const { session } = await ok(client.auth.exchangeCodeForSession(target.searchParams.get('code')))
    assert.equal(session.user.email, address)
    await refused(guest({ flowType: 'pkce' }).auth.exchangeCodeForSession('x'), 'pkce_code_verifier_not_found')
  },

  async a_forgotten_password_is_replaced() {
    const [, address] = await confirmed()
    const client = guest()
    await ok(client.auth.resetPasswordForEmail(address))
    await ok(client.auth.verifyOtp({ email: address, token: await codeFor(address), type: 'recovery' }))
    await ok(client.auth.updateUser({ password: 'remembered at last' }))
    await ok(guest().auth.signInWithPassword({ email: address, password: 'remembered at last' }))
    await ok(guest().auth.resetPasswordForEmail(email()))
  },

  async a_change_of_address_is_confirmed_on_both_sides() {
    const [client, old] = await confirmed()
    const next = email()
    const { user } = await ok(client.auth.updateUser({ email: next }))
    assert.deepEqual([user.email, user.new_email], [old, next])
    const first = await client.auth.verifyOtp({ email: next, token: await codeFor(next), type: 'email_change' })
    assert.equal(first.error, null)
    assert.equal(first.data.session, null)
    assert.equal((await ok(client.auth.getUser())).user.email, old)
    const { user: changed } = await ok(client.auth.verifyOtp({ email: old, token: await codeFor(old), type: 'email_change' }))
    assert.equal(changed.email, next)
    assert.equal(changed.identities[0].identity_data.email, next)
    await ok(guest().auth.signInWithPassword({ email: next, password }))
  },

  async mails_are_sent_again() {
    const [client, address] = [guest(), email()]
    await ok(client.auth.signUp({ email: address, password }))
    const first = await codeFor(address)
    await ok(client.auth.resend({ type: 'signup', email: address }))
    const second = await codeFor(address)
    if (first !== second) await refused(client.auth.verifyOtp({ email: address, token: first, type: 'signup' }), 'otp_expired')
    await ok(client.auth.verifyOtp({ email: address, token: second, type: 'signup' }))
    await ok(client.auth.resend({ type: 'signup', email: email() }))
  },

  async sign_up_and_in_by_phone() {
    const [client, number] = [guest(), phone()]
    const { user, session } = await ok(client.auth.signUp({ phone: `+${number}`, password, options: { data: { name: 'Ann' } } }))
    assert.equal(session, null)
    assert.deepEqual([user.phone, user.email, user.user_metadata.name], [number, '', 'Ann'])
    assert.deepEqual(user.identities.map((one) => one.provider), ['phone'])
    await refused(client.auth.signInWithPassword({ phone: number, password }), 'phone_not_confirmed')
    await refused(client.auth.verifyOtp({ phone: number, token: '000000x', type: 'sms' }), 'otp_expired')
    const verified = await ok(client.auth.verifyOtp({ phone: number, token: await smsFor(number), type: 'sms' }))
    assert.ok(verified.user.phone_confirmed_at)
    assert.equal(claims(verified.session.access_token).phone, number)
    assert.deepEqual(claims(verified.session.access_token).app_metadata, { provider: 'phone', providers: ['phone'] })
    const { session: second } = await ok(guest().auth.signInWithPassword({ phone: `+${number}`, password }))
    assert.equal(claims(second.access_token).amr[0].method, 'password')
    const again = await ok(guest().auth.signUp({ phone: number, password: 'another one entirely' }))
    assert.deepEqual([again.session, again.user.identities], [null, []])
    await ok(client.auth.reauthenticate())
    assert.match(await smsFor(number), /^\d{6}$/)
  },

  async sign_in_with_a_code_by_phone() {
    const [client, number] = [guest(), phone()]
    await refused(client.auth.signInWithOtp({ phone: number, options: { shouldCreateUser: false } }), 'otp_disabled')
    await ok(client.auth.signInWithOtp({ phone: number, options: { channel: 'whatsapp' } }))
    await refused(client.auth.signInWithOtp({ phone: number, options: { channel: 'pigeon' } }), 'validation_failed')
    const { session } = await ok(client.auth.verifyOtp({ phone: number, token: await smsFor(number), type: 'sms' }))
    assert.equal(claims(session.access_token).amr[0].method, 'otp')
    await refused(client.auth.verifyOtp({ phone: number, token: await smsFor(number), type: 'sms' }), 'otp_expired')
    await refused(client.auth.signInWithOtp({ phone: 'no number' }), 'validation_failed')
  },

  async messages_are_sent_again() {
    const [client, number] = [guest(), phone()]
    await ok(client.auth.signUp({ phone: number, password }))
    const first = await smsFor(number)
    await ok(client.auth.resend({ type: 'sms', phone: number }))
    const second = await smsFor(number)
    if (first !== second) await refused(client.auth.verifyOtp({ phone: number, token: first, type: 'sms' }), 'otp_expired')
    await ok(client.auth.verifyOtp({ phone: number, token: second, type: 'sms' }))
    await ok(client.auth.resend({ type: 'sms', phone: phone() }))
  },

  async a_phone_number_is_changed() {
    const [client] = await confirmed()
    const [first, second] = [phone(), phone()]
    const { user } = await ok(client.auth.updateUser({ phone: first }))
    assert.deepEqual([user.phone, user.new_phone], ['', first])
    const { user: proven } = await ok(client.auth.verifyOtp({ phone: first, token: await smsFor(first), type: 'phone_change' }))
    assert.equal(proven.phone, first)
    assert.deepEqual(proven.identities.map((one) => one.provider).sort(), ['email', 'phone'])
    await ok(client.auth.updateUser({ phone: second }))
    await refused(client.auth.verifyOtp({ phone: first, token: await smsFor(second), type: 'phone_change' }), 'otp_expired')
    await ok(client.auth.resend({ type: 'phone_change', phone: second }))
    await ok(client.auth.verifyOtp({ phone: second, token: await smsFor(second), type: 'phone_change' }))
    await ok(guest().auth.signInWithPassword({ phone: second, password }))
    await refused(guest().auth.signInWithPassword({ phone: first, password }), 'invalid_credentials')
    const [other] = await confirmed()
    await refused(other.auth.updateUser({ phone: second }), 'phone_exists')
  },

  async anonymous_users_become_permanent_by_phone() {
    const [client, number] = [guest(), phone()]
    await ok(client.auth.signInAnonymously())
    await ok(client.auth.updateUser({ phone: number }))
    const { user } = await ok(client.auth.verifyOtp({ phone: number, token: await smsFor(number), type: 'phone_change' }))
    assert.deepEqual([user.is_anonymous, user.phone], [false, number])
  },

  async a_phone_is_a_second_factor() {
    const [client] = await confirmed()
    const number = phone()
    const factor = await ok(client.auth.mfa.enroll({ factorType: 'phone', phone: `+${number}`, friendlyName: 'mobile' }))
    assert.deepEqual([factor.type, factor.phone], ['phone', number])
    const again = await ok(client.auth.mfa.enroll({ factorType: 'phone', phone: number, friendlyName: 'mobile' }))
    assert.notEqual(again.id, factor.id)
    const challenge = await ok(client.auth.mfa.challenge({ factorId: again.id }))
    assert.equal(challenge.type, 'phone')
    const wrong = await refused(client.auth.mfa.verify({ factorId: again.id, challengeId: challenge.id, code: '000000x' }), 'mfa_verification_failed')
    assert.equal(wrong.status, 422)
    const code = await smsFor(number)
    const { access_token } = await ok(client.auth.mfa.verify({ factorId: again.id, challengeId: challenge.id, code }))
    assert.equal(claims(access_token).aal, 'aal2')
    assert.equal(claims(access_token).amr[0].method, 'mfa/phone')
    await refused(client.auth.mfa.verify({ factorId: again.id, challengeId: challenge.id, code }), 'mfa_ip_address_mismatch')
    await refused(client.auth.mfa.enroll({ factorType: 'phone', phone: number, friendlyName: 'other' }), 'mfa_verified_factor_exists')
    await ok(client.auth.mfa.unenroll({ factorId: again.id }))
  },

  async an_application_is_let_in() {
    const [client] = await confirmed()
    const redirect_uri = 'https://app.example/cb'
    const made = await ok(admin.auth.admin.oauth.createClient({ client_name: 'App', redirect_uris: [redirect_uri], token_endpoint_auth_method: 'none' }))
    const challenge = 'c'.repeat(43)
    const query = new URLSearchParams({ client_id: made.client_id, redirect_uri, response_type: 'code', code_challenge: challenge, code_challenge_method: 'plain', state: 's' })
    const asked = async () => new URL((await open(`${url}/auth/v1/oauth/authorize?${query}`)).headers.get('location')).searchParams.get('authorization_id')
    const first = await asked()
    const details = await ok(client.auth.oauth.getAuthorizationDetails(first))
    assert.deepEqual([details.client.name, details.scope], ['App', 'email'])
    const denied = await ok(client.auth.oauth.denyAuthorization(first, { skipBrowserRedirect: true }))
    assert.match(denied.redirect_url, /error=access_denied/)
    const second = await asked()
    await ok(client.auth.oauth.getAuthorizationDetails(second))
    const approved = await ok(client.auth.oauth.approveAuthorization(second, { skipBrowserRedirect: true }))
    const code = new URL(approved.redirect_url).searchParams.get('code')
    const body = new URLSearchParams({ grant_type: 'authorization_code', client_id: made.client_id, code, redirect_uri, code_verifier: challenge })
    const tokens = await (await fetch(`${url}/auth/v1/oauth/token`, { method: 'POST', body })).json()
    assert.equal(claims(tokens.access_token).client_id, made.client_id)
    assert.deepEqual((await ok(client.auth.oauth.listGrants())).map((grant) => grant.client.id), [made.client_id])
    await ok(client.auth.oauth.revokeGrant({ clientId: made.client_id }))
    assert.deepEqual(await ok(client.auth.oauth.listGrants()), [])
    assert.equal((await ok(admin.auth.admin.oauth.listClients())).clients[0].client_id, made.client_id)
    await ok(admin.auth.admin.oauth.deleteClient(made.client_id))
  },

  async a_user_proves_again_who_they_are() {
    const [client, address] = await confirmed()
    await ok(client.auth.reauthenticate())
    assert.match(await codeFor(address), /^\d{6}$/)
  },

  async claims_are_read_without_a_request_for_each() {
    const [client, address] = await confirmed()
    const { claims: told } = await ok(client.auth.getClaims())
    assert.equal(told.email, address)
  },

  async administrators_manage_users() {
    const api = admin.auth.admin
    const address = email()
    const { user } = await ok(api.createUser({ email: address, password, email_confirm: true, app_metadata: { plan: 'gold' }, user_metadata: { name: 'Cy' } }))
    assert.equal(user.app_metadata.plan, 'gold')
    assert.equal((await ok(api.getUserById(user.id))).user.user_metadata.name, 'Cy')
    await refused(api.createUser({ email: address, password }), 'email_exists')
    const changed = await ok(api.updateUserById(user.id, { email: email(), ban_duration: '24h' }))
    await refused(guest().auth.signInWithPassword({ email: changed.user.email, password }), 'user_banned')
    await ok(api.updateUserById(user.id, { ban_duration: 'none' }))
    await ok(guest().auth.signInWithPassword({ email: changed.user.email, password }))
    for (let i = 0; i < 3; i++) await ok(api.createUser({ email: email() }))
    const page = await ok(api.listUsers({ page: 1, perPage: 2 }))
    assert.equal(page.users.length, 2)
    assert.ok(page.total >= 4)
    assert.equal(page.nextPage, 2)
    await ok(api.deleteUser(user.id))
    await refused(api.getUserById(user.id), 'user_not_found')
    const soft = (await ok(api.createUser({ email: email(), password }))).user
    await ok(api.deleteUser(soft.id, true))
    await refused(guest().auth.admin.listUsers(), 'not_admin')
  },

  async administrators_invite_and_make_links() {
    const api = admin.auth.admin
    const address = email()
    const { user } = await ok(api.inviteUserByEmail(address, { data: { team: 'red' } }))
    assert.ok(user.invited_at)
    const invited = guest()
    await ok(invited.auth.verifyOtp({ email: address, token: await codeFor(address), type: 'invite' }))
    await refused(api.inviteUserByEmail(address), 'email_exists')
    for (const [type, more] of [['magiclink', {}], ['recovery', {}], ['signup', { password }], ['invite', {}]]) {
      const to = ['magiclink', 'recovery'].includes(type) ? address : email()
      const { properties, user: linked } = await ok(api.generateLink({ type, email: to, ...more }))
      assert.equal(linked.email, to)
      assert.equal(properties.verification_type, type)
      const client = guest()
      await ok(client.auth.verifyOtp({ token_hash: properties.hashed_token, type }))
      assert.equal((await ok(client.auth.getUser())).user.email, to)
    }
    await refused(api.generateLink({ type: 'recovery', email: email() }), 'user_not_found')
  },

  async rows_follow_the_signed_in_user() {
    const [client] = await confirmed()
    const { user } = await ok(client.auth.getUser())
    const written = await ok(client.from('notes').insert({ body: 'mine' }).select())
    assert.equal(written[0].owner, user.id)
    const [other] = await confirmed()
    assert.deepEqual(await ok(other.from('notes').select()), [])
    assert.equal((await ok(client.from('notes').select())).length, 1)
  },
}

for (const [name, run] of Object.entries(scenarios)) {
  let problem = null
  try {
    await run()
  } catch (error) {
    problem = String(error?.stack ?? error)
  }
  console.log(JSON.stringify({ name, problem }))
}
process.exit(0)
