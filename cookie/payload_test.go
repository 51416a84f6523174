package cookie_test

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// provider is how a provider writes its tokens: in which order and spacing. A
// word in braces stands for what differs from session to session.
type provider struct{ header, id, access, refresh string }

var (
	keycloak = provider{
		header: `{"alg":"RS256","typ" : "JWT","kid" : "{key}"}`,
		id: `{"exp":1800000300,"iat":1800000000,"auth_time":1799999990,"jti":"{uuid}","iss":"https://login.example.com/realms/main","aud":"shop-frontend",` +
			`"sub":"{sub}","typ":"ID","azp":"shop-frontend","nonce":"{nonce}","sid":"{sid}","at_hash":"{hash}","acr":"1","email_verified":true,"preferred_username":"alice","locale":"en"{groups}}`,
		access: `{"exp":1800000300,"iat":1800000000,"auth_time":1799999990,"jti":"onrtac:{uuid}","iss":"https://login.example.com/realms/main","aud":["orders","account"],` +
			`"sub":"{sub}","typ":"Bearer","azp":"shop-frontend","sid":"{sid}","acr":"1","realm_access":{"roles":["offline_access","default-roles-main","uma_authorization"]},` +
			`"scope":"openid profile email offline_access"{groups}}`,
		refresh: `{"iat":1800000000,"jti":"{uuid}","iss":"https://login.example.com/realms/main","aud":"https://login.example.com/realms/main",` +
			`"sub":"{sub}","typ":"Offline","azp":"shop-frontend","nonce":"{nonce}","sid":"{sid}","scope":"openid web-origins acr basic roles email profile offline_access"}`,
	}
	auth0 = provider{
		header: `{"alg":"RS256","typ":"JWT","kid":"{hash}"}`,
		id: `{"nickname":"alice","name":"Alice Example","picture":"https://s.gravatar.com/avatar/{hash}?s=480&r=pg&d=https%3A%2F%2Fcdn.auth0.com%2Favatars%2Fae.png",` +
			`"updated_at":"2026-11-20T09:12:33.123Z","email":"alice@example.com","email_verified":true,"iss":"https://example.eu.auth0.com/","aud":"{client}",` +
			`"sub":"auth0|{sub}","iat":1800000000,"exp":1800036000,"sid":"{sid}","nonce":"{nonce}"{groups}}`,
		access: `{"https://app.example/roles":["admin","editor"],"iss":"https://example.eu.auth0.com/","sub":"auth0|{sub}","aud":["https://api.example.com",` +
			`"https://example.eu.auth0.com/userinfo"],"iat":1800000000,"exp":1800086400,"scope":"openid profile email offline_access","azp":"{client}",` +
			`"permissions":["read:orders","write:orders","read:customers"]{groups}}`,
		refresh: `{"iss":"https://example.eu.auth0.com/","sub":"auth0|{sub}","client":"{client}","nonce":"{nonce}","iat":1800000000}`,
	}
)

// tenClaims is what userinfo says.
const tenClaims = `{"sub":"{sub}","email_verified":true,"name":"Alice Example","preferred_username":"alice","given_name":"Alice","family_name":"Example",` +
	`"email":"alice@example.com","locale":"en","zoneinfo":"Europe/Berlin","updated_at":1799000000{groups}}`

const signatureLength = 256 // of RS256

// session is a frame of what a library for OpenID Connect keeps: ID and access
// token with their base64url segments as bytes, a refresh token of 300
// characters, and ten claims. With groups, all of them list the groups, and the
// refresh token is a JWT.
func (p provider) session(groups []string) []byte {
	word := func(n int) string { return base64.RawURLEncoding.EncodeToString(random(n)) }
	list := ""
	if len(groups) > 0 {
		list = `,"groups":["` + strings.Join(groups, `","`) + `"]`
	}
	fill := strings.NewReplacer("{key}", word(32), "{nonce}", word(32), "{client}", word(24), "{hash}", word(16), "{sub}", uuid(), "{sid}", uuid(), "{groups}", list)
	token := func(claims string, signature int) []string {
		return []string{fill.Replace(p.header), fill.Replace(strings.Replace(claims, "{uuid}", uuid(), 1)), string(random(signature))}
	}
	refresh := []string{string(random(225))}
	if len(groups) > 0 {
		refresh = token(p.refresh, 64)
	}
	frame := random(16)
	for _, parts := range [][]string{token(p.access, signatureLength), refresh, token(p.id, signatureLength), {fill.Replace(tenClaims)}} {
		for _, part := range parts {
			frame = append(binary.AppendUvarint(frame, uint64(len(part))<<1), part...)
		}
	}
	return frame
}

func uuid() string {
	b := hex.EncodeToString(random(16))
	return strings.Join([]string{b[:8], b[8:12], b[12:16], b[16:20], b[20:]}, "-")
}

// teams are names of groups, of some twenty characters.
func teams(n int) []string {
	words := strings.Fields("platform billing search mobile identity warehouse finance legal payments support analytics research design quality release frontend")
	var names []string
	for range n {
		names = append(names, fmt.Sprintf("%s-%s-%04x", words[rand.IntN(len(words))], words[rand.IntN(len(words))], rand.IntN(1<<16)))
	}
	return names
}

func randomNames(n int) []string {
	var names []string
	for range n {
		names = append(names, base64.RawURLEncoding.EncodeToString(random(15)))
	}
	return names
}

// TestPayload holds the payload to what the sizes and times are said of.
func TestPayload(t *testing.T) {
	for name, claims := range map[string]string{"ID token": keycloak.id, "access token": keycloak.access} {
		text := 2 + base64.RawURLEncoding.EncodedLen(signatureLength)
		for _, part := range []string{keycloak.header, claims} {
			filled := strings.NewReplacer("{key}", strings.Repeat("k", 43), "{nonce}", strings.Repeat("n", 43), "{hash}", strings.Repeat("h", 22),
				"{sub}", uuid(), "{sid}", uuid(), "{uuid}", uuid(), "{groups}", "").Replace(part)
			text += base64.RawURLEncoding.EncodedLen(len(filled))
		}
		if text < 1050 || text > 1150 {
			t.Errorf("the %s has %d bytes, want 1.1 kB", name, text)
		}
	}
}
