package oidctest

import (
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
)

// proofAlgorithms are those of DPoP proofs.
var proofAlgorithms = []string{"ES256", "ES384", "ES512", "RS256", "PS256", "EdDSA"}

// proofWindow is how old or new a proof may be.
const proofWindow = time.Minute

// proof checks the DPoP proof of a request to an endpoint (RFC 9449 §4.3), and
// returns the thumbprint of its key; "" where there is none. accessToken is the one
// that comes with it, if any.
func (p *Provider) proof(w http.ResponseWriter, r *http.Request, e Endpoint, accessToken string) (jkt string, err error) {
	headers := r.Header.Values("DPoP")
	switch config := p.settings(); {
	case len(headers) > 1:
		return "", invalidProof("more than one DPoP header")
	case len(headers) == 0 && config.RequireDPoP && e == Token:
		return "", invalidProof("a proof is required")
	case len(headers) == 0:
		return "", nil
	}
	if nonce := p.settings().DPoPNonce; nonce != "" {
		w.Header().Set("DPoP-Nonce", nonce)
	}
	var key jose.JSONWebKey
	said := jwt.MapClaims{}
	token, err := jwt.NewParser(jwt.WithValidMethods(proofAlgorithms), jwt.WithoutClaimsValidation()).ParseWithClaims(headers[0], said, func(t *jwt.Token) (any, error) {
		encoded, err := json.Marshal(t.Header["jwk"])
		if err != nil {
			return nil, err
		}
		if err := key.UnmarshalJSON(encoded); err != nil || !key.IsPublic() {
			return nil, errors.New("jwk is not a public key")
		}
		return key.Key, nil
	})
	if err != nil || token.Header["typ"] != "dpop+jwt" {
		return "", invalidProof("not a proof")
	}
	if err := p.checkProof(said, r.Method, p.url(e), accessToken); err != nil {
		return "", err
	}
	sum, err := key.Thumbprint(crypto.SHA256)
	return base64url(sum), err
}

func (p *Provider) checkProof(said jwt.MapClaims, method, address, accessToken string) error {
	config := p.settings()
	now := config.Clock()
	jti, _ := said["jti"].(string)
	issued, _ := said["iat"].(float64)
	age := now.Sub(time.Unix(int64(issued), 0))
	switch {
	case said["htm"] != method, said["htu"] != address:
		return invalidProof("a proof of another request")
	case age > proofWindow, age < -proofWindow:
		return invalidProof("not of now")
	case accessToken == "" && said["ath"] != nil, accessToken != "" && said["ath"] != hashOf(accessToken):
		return invalidProof("a proof of another token")
	case config.DPoPNonce != "" && said["nonce"] != config.DPoPNonce:
		return refuse(http.StatusBadRequest, "use_dpop_nonce", "the nonce is missing, or an old one")
	case jti == "" || !p.spend("proof "+jti, now.Add(2*proofWindow)):
		return invalidProof("used before")
	}
	return nil
}

func hashOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// spend reports whether a jti is new, and remembers it until expires.
func (p *Provider) spend(jti string, expires time.Time) bool {
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.spent, func(_ string, its time.Time) bool { return !now.Before(its) })
	_, used := p.spent[jti]
	p.spent[jti] = expires
	return !used
}

func invalidProof(description string) error {
	return refuse(http.StatusBadRequest, "invalid_dpop_proof", description)
}

// presented returns the access token of a request to userinfo, and checks that it is
// presented as it was issued: with a proof of the key that it is bound to (RFC 9449 §7).
func (p *Provider) presented(w http.ResponseWriter, r *http.Request) (g grant, err error) {
	invalid := refuse(http.StatusUnauthorized, "invalid_token", "not an access token, or not any more")
	scheme, token := "Bearer", bearer(r)
	if its, rest, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(its, "DPoP") {
		scheme, token = "DPoP", rest
	}
	h, valid := p.parseAccess(token)
	if !valid {
		return grant{}, invalid
	}
	g, ok := p.live(h)
	if !ok || (g.jkt != "") != (scheme == "DPoP") {
		return grant{}, invalid
	}
	if scheme == "DPoP" {
		jkt, err := p.proof(w, r, Userinfo, token)
		if err != nil {
			refused := asRefusal(err)
			return grant{}, refuse(http.StatusUnauthorized, refused.code, refused.description)
		}
		if jkt != g.jkt { // or there was none
			return grant{}, invalid
		}
	}
	return g, nil
}

// bind binds the tokens of a grant to the key of a proof, and refuses another key
// than the one announced or, of a public client, the one before (RFC 9449 §5, §10).
func (p *Provider) bind(g *grant, jkt string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	public := !g.client.confidential()
	switch {
	case g.request.jkt != "" && g.jkt == "" && g.request.jkt != jkt:
		return invalidGrant("another key than dpop_jkt says")
	case public && g.jkt != "" && g.jkt != jkt:
		return invalidGrant("the refresh token is bound to another key")
	}
	g.jkt = jkt
	if kept := p.grants[g.id]; kept != nil {
		kept.jkt = jkt
	}
	return nil
}

// tokenType is what a client has to do with the access tokens.
func (g grant) tokenType() string {
	if g.jkt != "" {
		return "DPoP"
	}
	return "Bearer"
}
