package oidc

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"github.com/gatehouse-go/gatehouse/internal/claims"
)

// expectation is what an ID token must agree with, beyond what every one must.
type expectation struct {
	nonce       string // of the sign-in; "" at a renewal
	maxAge      *time.Duration
	accessToken string
	recheck     time.Duration // the age at which keys are read again for a bad signature
}

// verifyIDToken checks an ID token in full (OpenID Connect Core 1.0 §3.1.3.7)
// and returns its claims: the signature by go-oidc over our keys, and then every
// claim, by its exact name. go-oidc's own reading of iss, aud and the times is
// heard as well.
func (c *Client) verifyIDToken(ctx context.Context, text string, expect expectation) (map[string]any, error) {
	m, err := c.metadata.get(ctx)
	if err != nil {
		return nil, err
	}
	token, err := parseJWS(text)
	if err != nil {
		return nil, idTokenError(err)
	}
	if token.typ != "" && !strings.EqualFold(token.typ, "JWT") {
		return nil, idTokenError(errors.New("typ is of another kind of token"))
	}
	keys := &witness{client: c, recheck: expect.recheck}
	verifier := gooidc.NewVerifier(c.config.Issuer, keys, &gooidc.Config{
		ClientID:             c.config.ClientID,
		SupportedSigningAlgs: c.algorithms(m),
		Now:                  func() time.Time { return c.clock().Add(-skew) },
	})
	_, second := verifier.Verify(ctx, text)
	switch {
	case keys.err != nil:
		return nil, keys.err
	case keys.payload == nil: // it never came to the signature
		return nil, idTokenError(errors.New("the signature or its algorithm is not accepted"))
	}
	said, err := claims.Parse(keys.payload)
	if err != nil {
		return nil, idTokenError(err)
	}
	if err := c.checkIDToken(said, expect); err != nil {
		return nil, idTokenError(err)
	}
	if second != nil {
		return nil, idTokenError(errors.New("issuer, audience or times are not right"))
	}
	if hash, there := said["at_hash"]; there && expect.accessToken != "" {
		if !sameText(hash, tokenHash(token.alg, expect.accessToken)) {
			return nil, idTokenError(errors.New("at_hash is of another access token"))
		}
	}
	return said, nil
}

// tokenHash is the left half of the access token's hash, by the hash of the
// signature's algorithm (§3.1.3.6).
func tokenHash(alg, accessToken string) string {
	var hash []byte
	switch {
	case strings.HasSuffix(alg, "256"):
		sum := sha256.Sum256([]byte(accessToken))
		hash = sum[:]
	case strings.HasSuffix(alg, "384"):
		sum := sha512.Sum384([]byte(accessToken))
		hash = sum[:]
	default: // 512, and EdDSA, whose Ed25519 uses it too
		sum := sha512.Sum512([]byte(accessToken))
		hash = sum[:]
	}
	return base64.RawURLEncoding.EncodeToString(hash[:len(hash)/2])
}

func idTokenError(cause error) error { return fail(ErrToken, "ID token", cause) }

// witness remembers what a key set said, which go-oidc turns into text.
type witness struct {
	client  *Client
	recheck time.Duration
	payload []byte
	err     error
}

func (w *witness) VerifySignature(ctx context.Context, text string) ([]byte, error) {
	payload, err := w.client.verifySignature(ctx, text, w.recheck)
	if err != nil {
		w.err = err
		return nil, err
	}
	w.payload = payload
	return payload, nil
}

// checkIDToken reads as §3.1.3.7 does. Its errors name claims and never quote
// them.
func (c *Client) checkIDToken(said map[string]any, expect expectation) error {
	now := c.clock()
	if said["iss"] != c.config.Issuer {
		return errors.New("iss is another issuer")
	}
	if sub, ok := said["sub"].(string); !ok || sub == "" || len(sub) > 255 {
		return errors.New("sub is missing or no identifier")
	}
	if err := c.checkAudience(said); err != nil {
		return err
	}
	exp, err := timeOf(said, "exp")
	if err != nil {
		return err
	}
	if !now.Before(exp.Add(skew)) {
		return errors.New("exp has passed")
	}
	iat, err := timeOf(said, "iat")
	if err != nil {
		return err
	}
	if now.Before(iat.Add(-skew)) {
		return errors.New("iat is in the future")
	}
	if _, there := said["nbf"]; there {
		nbf, err := timeOf(said, "nbf")
		if err != nil {
			return err
		}
		if now.Before(nbf.Add(-skew)) {
			return errors.New("nbf is in the future")
		}
	}
	if expect.nonce != "" && !sameText(said["nonce"], expect.nonce) {
		return errors.New("nonce is of another sign-in")
	}
	if events, ok := said["events"].(map[string]any); ok {
		if _, logout := events[logoutEvent]; logout {
			return errors.New("it is a logout token")
		}
	}
	return checkAuthTime(said, expect.maxAge, now)
}

// checkAudience: the client is an audience, and where there are others, the
// authorized party. An authorized party that is there is always the client.
func (c *Client) checkAudience(said map[string]any) error {
	audience, ok := audienceOf(said["aud"])
	if !ok || !slices.Contains(audience, c.config.ClientID) {
		return errors.New("aud is another client")
	}
	azp, there := said["azp"]
	switch {
	case there && azp != c.config.ClientID:
		return errors.New("azp is another client")
	case !there && len(audience) > 1:
		return errors.New("azp is missing beside several audiences")
	}
	return nil
}

// audienceOf reads aud: one string, or an array of them (RFC 7519 §4.1.3).
func audienceOf(value any) ([]string, bool) {
	if text, ok := value.(string); ok {
		return []string{text}, true
	}
	list, ok := value.([]any)
	audience := stringsOf(value)
	return audience, ok && len(audience) == len(list) && len(list) > 0
}

func checkAuthTime(said map[string]any, maxAge *time.Duration, now time.Time) error {
	if maxAge == nil {
		return nil
	}
	authTime, err := timeOf(said, "auth_time")
	if err != nil {
		return err
	}
	if now.After(authTime.Add(*maxAge + skew)) {
		return errors.New("auth_time is longer ago than max_age")
	}
	return nil
}

// timeOf reads a NumericDate (RFC 7519 §2), of this age of the world.
func timeOf(said map[string]any, name string) (time.Time, error) {
	value, there := said[name]
	if !there {
		return time.Time{}, fmt.Errorf("%s is missing", name)
	}
	seconds, ok := value.(float64)
	if !ok || math.IsNaN(seconds) || seconds < 0 || seconds > 1<<40 {
		return time.Time{}, fmt.Errorf("%s is no time", name)
	}
	return time.Unix(int64(seconds), 0), nil
}

// sameText compares in constant time.
func sameText(value any, want string) bool {
	text, ok := value.(string)
	return ok && subtle.ConstantTimeCompare([]byte(text), []byte(want)) == 1
}
