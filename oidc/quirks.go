package oidc

import (
	"errors"
	"net/url"

	"github.com/gatehouse-go/gatehouse/internal/origin"
)

// quirks are what providers do their own way and can be told by.
type quirks struct {
	// noOfflineScope: Google refuses offline_access, and gives a refresh token
	// for access_type=offline, at every sign-in only with prompt=consent.
	noOfflineScope bool
	// noConsent: Microsoft Entra ID grants offline_access without prompt=consent,
	// and with it shuts out everybody whose tenant forbids them to consent.
	// Keycloak grants it without, too.
	noConsent bool
	// hydra: Ory Hydra answers invalid_request to a renewal where it is too busy, or
	// somebody else uses the refresh token in the same moment, and means to be asked
	// again; a dead one is invalid_grant. Of who signs out without id_token_hint it
	// takes neither state nor post_logout_redirect_uri. At every endpoint it takes
	// assertions for its token endpoint alone.
	hydra bool
	// refreshAlways: Keycloak gives a refresh token with every sign-in, which ends with
	// the sign-in there. After one with offline_access nobody is signed in there: the
	// next application asks for a password again, and prompt=none fails.
	refreshAlways bool
}

func quirksOf(issuer string, document map[string]any) quirks {
	_, cloud := document["cloud_instance_name"].(string)
	_, graph := document["msgraph_host"].(string)
	_, signed := document["id_token_signed_response_alg"].([]any) // which is a client's elsewhere, and text
	keycloak := document["authorization_endpoint"] == issuer+"/protocol/openid-connect/auth"
	return quirks{
		noOfflineScope: issuer == "https://accounts.google.com",
		noConsent:      cloud && graph || keycloak,
		refreshAlways:  keycloak,
		hydra:          signed,
	}
}

// assertionAudience is whom an assertion for an endpoint beside the token endpoint is
// for: the issuer. An endpoint on the same server as the token endpoint may be shown one
// for that, since whoever has the server gets those anyway.
func (q quirks) assertionAudience(issuer, token, endpoint string) string {
	asked, err := url.Parse(endpoint)
	if err != nil || !q.hydra {
		return issuer
	}
	if other, err := url.Parse(token); err != nil || origin.Of(other) != origin.Of(asked) {
		return issuer
	}
	return token
}

// refusedRenewal is why a renewal was refused, as this provider means it.
func (q quirks) refusedRenewal(err error) error {
	var refused *Error
	if q.hydra && errors.As(err, &refused) && refused.kind == ErrGrant && refused.Code == "invalid_request" {
		refused.kind = ErrUnavailable
	}
	return err
}
