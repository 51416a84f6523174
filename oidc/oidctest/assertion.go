package oidctest

import (
	"net/url"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// asserted finds out which client has signed an assertion (RFC 7523 §3).
func (p *Provider) asserted(assertion string, form url.Values) (Client, error) {
	if form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
		return Client{}, invalidClient("unknown client_assertion_type")
	}
	var c Client
	said := jwt.MapClaims{}
	_, err := jwt.NewParser(jwt.WithValidMethods(proofAlgorithms), jwt.WithTimeFunc(p.now), jwt.WithExpirationRequired()).
		ParseWithClaims(assertion, said, func(*jwt.Token) (any, error) {
			id, _ := said["sub"].(string)
			found, ok := p.client(id)
			if !ok || found.PublicKey == nil {
				return nil, invalidClient("unknown client")
			}
			c = found
			return c.PublicKey, nil
		})
	if err != nil {
		return Client{}, invalidClient("not an assertion of the client's")
	}
	audience, _ := said.GetAudience()
	jti, _ := said["jti"].(string)
	id := form.Get("client_id")
	switch {
	case said["iss"] != c.ID, id != "" && id != c.ID:
		return Client{}, invalidClient("an assertion of another client")
	case len(audience) != 1 || !slices.Contains([]string{p.Issuer(), p.url(Token)}, audience[0]):
		return Client{}, invalidClient("an assertion for another provider")
	case jti == "" || !p.spend("assertion "+jti, p.now().Add(time.Hour)):
		return Client{}, invalidClient("used before")
	}
	return c, nil
}
