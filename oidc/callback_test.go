package oidc_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

func TestParseCallback(t *testing.T) {
	for query, want := range map[string]string{
		"code=a&state=b":                       "",
		"code=a&state=b&iss=c&session_state=d": "",
		"error=access_denied&state=b":          "",
		"code=a":                               "no state",
		"state=b":                              "neither",
		"code=&state=b":                        "neither",
		"code=a&error=x&state=b":               "together",
		"code=a&error=&state=b":                "together",
		"code=a&code=a&state=b":                "code stands 2 times",
		"code=a&state=b&state=b":               "state stands 2 times",
		"code=a&state=b&iss=c&iss=c":           "iss stands 2 times",
		"error=a&error=b&state=b":              "error stands 2 times",
		"code=a&state=b&scope=c&scope=c":       "a parameter stands 2 times",
		"error=a&state=b&" + strings.Repeat("error_description=&", 3): "a parameter stands 3 times",
		"code=a&state=" + strings.Repeat("b", 9000):                   "too long",
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		_, err = oidc.ParseCallback(values)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: %v, want %q", query, err, want)
		}
	}
	answer, err := oidc.ParseCallback(url.Values{"error": {"<script>"}, "state": {"b"}})
	if err != nil || answer.Error != "malformed_error_code" {
		t.Errorf("%+v, %v", answer, err)
	}
}

// FuzzParseCallback: an answer has one state, and one code or one error that looks like
// one, none of them longer than it may be.
func FuzzParseCallback(f *testing.F) {
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		answer, err := oidc.ParseCallback(values)
		if err != nil {
			return
		}
		for name, given := range values {
			if len(given) != 1 {
				t.Fatalf("%q has %q %d times", query, name, len(given))
			}
		}
		if answer.State == "" || (answer.Code == "") == (answer.Error == "") {
			t.Fatalf("%q gives %+v", query, answer)
		}
		if len(answer.State)+len(answer.Code)+len(answer.Iss) > 3*8192 || strings.Trim(answer.Error, "abcdefghijklmnopqrstuvwxyz_") != "" || len(answer.Error) > 64 {
			t.Fatalf("%q gives %+v", query, answer)
		}
	})
}

func TestCallbackIssuer(t *testing.T) {
	for _, announced := range []bool{true, false} {
		p := newParty(t, oidctest.Config{OmitCallbackIss: !announced}, nil)
		for iss, refused := range map[string]bool{p.provider.Issuer(): false, "": announced, "https://evil.example": true} {
			for _, answer := range []oidc.Callback{{Code: "a", State: "b", Iss: iss}, {Error: "access_denied", State: "b", Iss: iss}} {
				if err := p.client.CheckCallback(t.Context(), answer); errors.Is(err, oidc.ErrToken) != refused {
					t.Errorf("announced %v, iss %q: %v", announced, iss, err)
				}
			}
		}
	}
}
