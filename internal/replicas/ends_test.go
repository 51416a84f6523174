package replicas

import (
	"net/http"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// TestStreamOfASessionEndedElsewhere: the provider refuses a renewal at one
// replica; a stream at another learns it from Redis alone.
func TestStreamOfASessionEndedElsewhere(t *testing.T) {
	f := newFleet(t, stored)
	p := f.signIn()
	idle := p.stream(2)
	f.advance(4*time.Minute + 50*time.Second)
	p.want(0, http.StatusOK) // renewed: what the stream's replica has loaded changes
	select {
	case <-idle:
		t.Fatal("a renewal elsewhere ends a stream")
	case <-time.After(200 * time.Millisecond):
	}
	f.provider.RevokeUser("alice")
	f.advance(time.Hour)
	p.want(0, http.StatusUnauthorized)
	select {
	case <-idle:
	case <-time.After(time.Minute):
		t.Fatal("a stream of a session that has ended stays open")
	}
}

// TestNothingStaysInRedis: whatever gates do, every key has an end.
func TestNothingStaysInRedis(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		f := newFleet(t, m)
		p := f.signIn()
		f.advance(4*time.Minute + 50*time.Second)
		p.want(1, http.StatusOK)
		p.want(2, http.StatusOK)
		f.advance(6 * time.Minute)
		p.want(0, http.StatusOK)
		if status := f.deliver(1, f.provider.LogoutToken("app", "alice", f.provider.SID()).Sign()); status != http.StatusOK {
			t.Errorf("delivered: %d", status)
		}
		p.comes(2, http.StatusUnauthorized)
		for range 2 {
			f.provider.SignIn(oidctest.User{Subject: "alice"})
			p = f.signIn()
			p.do(1, http.MethodPost, "/auth/logout")
		}
		f.provider.SignIn(oidctest.User{Subject: "alice"})
		f.signIn()
		if left := f.redis.Do("EVAL", `
local n, left = 0, ''
for _, key in ipairs(redis.call('KEYS', '*')) do
  n = n + 1
  if redis.call('PTTL', key) <= 0 then left = left .. ' ' .. key end
end
return (n >= 5) and left or 'hardly any keys'`, "0"); left != "" {
			t.Errorf("without end: %s", left)
		}
	})
}
