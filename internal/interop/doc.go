// Package interop runs Gatehouse against real OpenID providers, other people's
// code, each started in this process or as its child: luikyv/go-oidc, dex, the
// example server of zitadel/oidc, oidc-provider for Node.js, Ory Hydra, and Keycloak.
//
// A [Provider] is one of them and what is known of it. Its Start returns a
// [Server] that a [Browser] signs in at through the provider's own HTML pages.
// The module is of its own so that none of its dependencies reach the users of
// Gatehouse.
//
// oidc-provider needs node, and its packages:
//
//	(cd oidcprovider && npm ci)
//
// Its tests are skipped without them, unless REQUIRE_NODE is set.
//
// Ory Hydra is a program of its own, which HYDRA names, an absolute path:
//
//	export HYDRA=/tmp/hydra
//	(cd hydra && go build -tags sqlite -o "$HYDRA" github.com/ory/hydra/v2)
//
// Its tests are skipped without it, unless REQUIRE_HYDRA is set.
//
// Keycloak needs java, and what maven unpacks and builds:
//
//	(cd keycloak && mvn package)
//
// Its tests are skipped without it, unless REQUIRE_KEYCLOAK is set. They share one
// process, whose first start takes longest, since Keycloak builds itself then.
//
// Package conformance, below, does the same with the OpenID Foundation's
// conformance suite.
package interop
