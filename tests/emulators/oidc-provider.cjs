// An OpenID Connect provider for the tests of sign-in: npm's `oidc-provider`, with people who are
// what they say. Prints its address when it listens.
//
// node oidc-provider.cjs REDIRECT_URI CLIENT_SECRET [PORT]
//
// Beside the provider: `POST /rotate` gives it another signing key, `POST /exchanges` tells how
// often a code was exchanged.

const { createServer } = require('node:http');
const { createRequire } = require('node:module');
const { randomBytes } = require('node:crypto');
const path = require('node:path');
const { pathToFileURL } = require('node:url');

const [redirectUri, secret, port = '0'] = process.argv.slice(2);

// The package is an ES module, which is not looked for in NODE_PATH.
const packages = createRequire(path.join(process.env.NODE_PATH, 'x.cjs'));
const load = (name) => import(pathToFileURL(packages.resolve(name)));

async function main() {
  const { Provider } = await load('oidc-provider');
  const { exportJWK, generateKeyPair } = await load('jose');
  let exchanges = 0;

  async function provider(issuer, algorithm) {
    const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
    const key = await exportJWK(privateKey);
    const client = (client_id, id_token_signed_response_alg, more) => ({
      client_id,
      redirect_uris: [redirectUri],
      grant_types: ['authorization_code'],
      response_types: ['code'],
      id_token_signed_response_alg,
      ...more,
    });
    const made = new Provider(issuer, {
      jwks: { keys: [{ ...key, alg: algorithm, use: 'sig', kid: randomBytes(8).toString('hex') }] },
      enabledJWA: { idTokenSigningAlgValues: [algorithm] },
      clients: [
        client('isobase', algorithm, { client_secret: secret }),
        client('public', algorithm, { token_endpoint_auth_method: 'none' }),
      ],
      claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['preferred_username'] },
      pkce: { required: () => true },
      cookies: { keys: [randomBytes(16).toString('hex')] },
      // Of those whose name begins with `un` the address is not known to be right.
      findAccount: (_, id) => ({
        accountId: id,
        claims: () => ({
          sub: id,
          email: `${id}@x.org`,
          email_verified: !id.startsWith('un'),
          preferred_username: id,
        }),
      }),
    });
    made.on('server_error', (_, error) => console.error(error));
    return made.callback();
  }

  let issuer;
  let answer;
  const server = createServer(async (request, response) => {
    if (request.url === '/rotate') {
      answer = await provider(issuer, 'ES256');
      response.end();
    } else if (request.url === '/exchanges') {
      response.end(String(exchanges));
    } else {
      if (request.method === 'POST' && request.url === '/token') exchanges += 1;
      answer(request, response);
    }
  });
  await new Promise((listening) => server.listen(Number(port), '127.0.0.1', listening));
  issuer = `http://127.0.0.1:${server.address().port}`;
  answer = await provider(issuer, 'RS256');
  console.log(issuer);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
