// An OpenID provider whose users sign in by a header, for tests: `node oidc.mjs PORT CALLBACK`.
// `GET /sign-in-as/NAME?…` follows an authorization request as that user and answers the way back.
import http from 'node:http'
import Provider from 'oidc-provider'

const [port, callback] = [Number(process.argv[2]), process.argv[3]]
const issuer = `http://127.0.0.1:${port}`
const accounts = JSON.parse(process.argv[4])

const provider = new Provider(issuer, {
  clients: [
    { client_id: 'shop', client_secret: 'a secret of the shop', redirect_uris: [callback], token_endpoint_auth_method: 'client_secret_post' },
    { client_id: 'other', client_secret: 'a secret of another', redirect_uris: [callback], token_endpoint_auth_method: 'client_secret_post' },
  ],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'picture'] },
  conformIdTokenClaims: false,
  cookies: { keys: ['of a test'] },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...accounts[id] }) }),
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  async loadExistingGrant(context) {
    const grant = new context.oidc.provider.Grant({ accountId: context.oidc.session.accountId, clientId: context.oidc.client.clientId })
    grant.addOIDCScope('openid email profile')
    await grant.save()
    return grant
  },
})

const handle = provider.callback()
http
  .createServer(async (request, response) => {
    if (!request.url.startsWith('/interaction/')) return handle(request, response)
    // Who signs in is in the header that the test sends along.
    await provider.interactionFinished(request, response, { login: { accountId: request.headers['x-user'] } })
  })
  .listen(port, '127.0.0.1', () => console.log('ready'))
