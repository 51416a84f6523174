// oidc-provider as its defaults have it, with the pages it brings along, for one
// client. Settings come as JSON in the first argument; the port it listens at
// goes to standard output. It ends when its standard input does.
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const { issuer, client, people, accessTokenSeconds, constrained } = JSON.parse(process.argv[2]);

const provider = new Provider(issuer, {
  clients: [{
    client_id: client.id,
    client_secret: client.secret || undefined,
    token_endpoint_auth_method: client.auth,
    jwks: client.jwks || undefined,
    redirect_uris: [client.redirectURI],
    post_logout_redirect_uris: [client.postLogoutRedirectURI],
    backchannel_logout_uri: client.backchannelLogoutURI,
    backchannel_logout_session_required: true,
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    dpop_bound_access_tokens: constrained,
  }],
  clientDefaults: { id_token_signed_response_alg: 'RS256' },
  scopes: ['openid', 'offline_access', 'profile', 'email', 'groups'],
  claims: {
    openid: ['sub'],
    profile: ['name'],
    email: ['email'],
    groups: ['groups'],
  },
  findAccount(_ctx, id) {
    const who = people.find((person) => person.login === id);
    return who && {
      accountId: id,
      claims: () => ({ sub: id, name: who.name, email: who.email, groups: [who.role] }),
    };
  },
  features: {
    revocation: { enabled: true },
    backchannelLogout: { enabled: true },
    devInteractions: { enabled: true },
    dPoP: { enabled: constrained, nonceSecret: Buffer.alloc(32, 1), requireNonce: () => true },
    pushedAuthorizationRequests: { enabled: constrained, requirePushedAuthorizationRequests: constrained },
  },
  // Applications are on loopback, where oidc-provider would not call them.
  fetch: (address, { dispatcher, ...options }) => fetch(address, options),
  pkce: { required: () => true },
  rotateRefreshToken: true,
  ttl: {
    AccessToken: accessTokenSeconds,
    IdToken: 3600,
    RefreshToken: 86400,
    Grant: 86400,
    Session: 86400,
    Interaction: 3600,
  },
});
provider.proxy = true;

for (const event of ['backchannel.error', 'server_error']) {
  provider.on(event, (_ctx, error) => console.error(event, error));
}

const server = createServer(provider.callback());
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.on('end', () => process.exit()).resume();
