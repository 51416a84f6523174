package oidctest

import (
	"bytes"
	"encoding/json"
	"maps"
)

// JWT is a token that is about to be signed. What it says can be changed in any
// way by [Provider.OnIDToken] and its siblings, and made from nothing by
// [Provider.NewJWT].
type JWT struct {
	// Header is the JOSE header, written as it is: it doesn't follow Key.
	Header map[string]any
	// Claims is the payload.
	Claims map[string]any
	// Payload is signed in place of Claims when it isn't nil: any bytes at all.
	Payload []byte
	// Key signs. Replaced alone, it forges a signature under the header's kid;
	// nil leaves the signature empty.
	Key *Key

	appended []member
	signed   func(typ any, text string) // is told what was signed, where it isn't nil
}

// member is a name and a value of a JSON object.
type member struct {
	name  string
	value any
}

// NewJWT returns a token with these claims, to be signed by the provider's key:
// a logout token, say, or somebody's access token.
func (p *Provider) NewJWT(claims map[string]any) *JWT {
	t := &JWT{Header: map[string]any{"typ": "JWT"}, Claims: maps.Clone(claims), signed: p.tellJWT}
	if claims == nil {
		t.Claims = map[string]any{}
	}
	t.SignWith(p.keys.all()[0])
	return t
}

// SignWith makes key the signer, and names it in the header (alg and kid). With
// HMACKey("HS256", p.Keys()[0].PublicPEM()) it is the key confusion of RFC 8725 §2.1.
func (t *JWT) SignWith(key *Key) {
	t.Key = key
	t.Header["alg"] = key.Algorithm
	delete(t.Header, "kid")
	if key.ID != "" {
		t.Header["kid"] = key.ID
	}
}

// Unsigned makes t an unsecured JWS: alg none, no signature (RFC 7515 §A.5).
func (t *JWT) Unsigned() {
	t.Key = nil
	t.Header["alg"] = "none"
	delete(t.Header, "kid")
}

// Append writes one more member behind the Claims, whether or not they have
// that name: readers that let the last duplicate win read this one. Likewise
// for names that differ in case alone.
func (t *JWT) Append(name string, value any) {
	t.appended = append(t.appended, member{name, value})
}

// Sign returns the compact serialization (RFC 7515 §7.1). It panics when the
// token can't be encoded or the key doesn't fit its algorithm.
func (t *JWT) Sign() string {
	text := base64url(marshal(t.Header)) + "." + base64url(t.payload())
	signature := ""
	if t.Key != nil {
		var err error
		if signature, err = t.Key.sign(text); err != nil {
			panic("oidctest: signing: " + err.Error())
		}
	}
	text += "." + signature
	if t.signed != nil {
		t.signed(t.Header["typ"], text)
	}
	return text
}

func (t *JWT) payload() []byte {
	if t.Payload != nil {
		return t.Payload
	}
	if len(t.appended) == 0 {
		return marshal(t.Claims)
	}
	object := bytes.TrimSuffix(marshal(t.Claims), []byte("}"))
	for _, m := range t.appended {
		if len(object) > len("{") {
			object = append(object, ',')
		}
		object = append(object, marshal(m.name)...)
		object = append(object, ':')
		object = append(object, marshal(m.value)...)
	}
	return append(object, '}')
}

// marshal encodes what a test gave; what it can't encode is the test's mistake.
func marshal(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic("oidctest: " + err.Error())
	}
	return text
}
