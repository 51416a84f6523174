package oidc

import (
	"encoding/json"
	"strconv"
	"time"
)

const (
	// defaultLifetime is that of an access token about which nothing is said.
	defaultLifetime = time.Hour
	// maxLifetime bounds what a provider says: one was seen to say 600000000000.
	maxLifetime = 24 * time.Hour
)

// lifetime is expires_in (RFC 6749 §5.1), a number or, from some providers, a string. Where it
// isn't there or makes no sense, the access token itself may tell.
func lifetime(expiresIn any, accessToken string, now time.Time) time.Duration {
	var seconds float64
	switch value := expiresIn.(type) {
	case float64:
		seconds = value
	case string:
		seconds, _ = strconv.ParseFloat(value, 64)
	}
	if seconds >= 1 {
		return time.Duration(min(seconds, maxLifetime.Seconds())) * time.Second
	}
	if exp, ok := peekExpiry(accessToken); ok && exp.After(now) {
		return min(exp.Sub(now), maxLifetime)
	}
	return defaultLifetime
}

// peekExpiry reads the exp of an access token that happens to be a JWT, as a
// hint when to renew it, and no more: an access token means nothing to a client.
func peekExpiry(accessToken string) (time.Time, bool) {
	token, err := parseJWS(accessToken)
	if err != nil {
		return time.Time{}, false
	}
	var said map[string]any
	if json.Unmarshal(token.payload, &said) != nil {
		return time.Time{}, false
	}
	exp, err := timeOf(said, "exp")
	return exp, err == nil
}

// withoutOddLifetime returns a token answer with an expires_in that is a whole
// number of seconds, or none. What is no JSON object stays what it is.
func withoutOddLifetime(body []byte) []byte {
	var answer map[string]json.RawMessage
	if json.Unmarshal(body, &answer) != nil || answer["expires_in"] == nil {
		return body
	}
	var number json.Number
	if json.Unmarshal(answer["expires_in"], &number) == nil {
		if _, err := number.Int64(); err == nil {
			return body
		}
	}
	delete(answer, "expires_in")
	if seconds, _ := number.Float64(); seconds >= 1 {
		answer["expires_in"] = strconv.AppendInt(nil, int64(min(seconds, maxLifetime.Seconds())), 10)
	}
	clean, err := json.Marshal(answer)
	if err != nil {
		return body
	}
	return clean
}
