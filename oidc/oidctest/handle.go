package oidctest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

// handle is what a code, a refresh token or an access token says to the provider
// that issued it. In text it is kind-grant-number-mac, which nobody else can
// make: so the provider need not remember the tokens it has issued.
type handle struct {
	kind  string
	grant string
	// number is the generation of a refresh token, and the expiry of the others
	// in Unix seconds.
	number int64
}

// The kinds of handles.
const (
	codeHandle    = "code"
	refreshHandle = "rt"
	accessHandle  = "at"
)

// text writes h.
func (p *Provider) text(h handle) string {
	text := h.kind + "-" + h.grant + "-" + strconv.FormatInt(h.number, 10)
	mac := hmac.New(sha256.New, p.secret)
	mac.Write([]byte(text))
	return text + "-" + hex.EncodeToString(mac.Sum(nil)[:16])
}

// parse reads a handle of that kind, which this provider must have written.
func (p *Provider) parse(kind, text string) (handle, bool) {
	parts := strings.Split(text, "-")
	if len(parts) != 4 || parts[0] != kind {
		return handle{}, false
	}
	number, err := strconv.ParseInt(parts[2], 10, 64)
	h := handle{kind, parts[1], number}
	return h, err == nil && hmac.Equal([]byte(p.text(h)), []byte(text))
}
