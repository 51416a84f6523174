package redisstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/redisstore"
	"github.com/gatehouse-go/gatehouse/redisstore/redistest"
)

// What nobody but Redis may see: passwords, and what stores are given, which is sealed
// and of no use to a log even so.
var secrets = []string{redistest.Password, password, sealedValue}

const sealedValue = "a-sealed-value-of-somebody"

// showsNoSecret fails the test if something prints a secret, by whichever verb and in a
// log: an error, all that it wraps, or a store.
func showsNoSecret(t testing.TB, what string, value any) {
	t.Helper()
	var out bytes.Buffer
	fmt.Fprintf(&out, "%v %+v %#v %s %q %x %d", value, value, value, value, value, value, value)
	holder := struct{ held any }{value}
	fmt.Fprintf(&out, "%v %+v %#v", holder, holder, holder)
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Debug("x", "value", value)
		slog.New(handler).Info("x", "value", value, "holder", holder)
	}
	for _, secret := range secrets {
		for _, spelt := range []string{secret, fmt.Sprintf("%x", secret), fmt.Sprint([]byte(secret))} {
			if strings.Contains(out.String(), spelt) {
				t.Errorf("%s shows a secret", what)
			}
		}
	}
	switch wrapping := value.(type) {
	case interface{ Unwrap() error }:
		showsNoSecret(t, what, wrapping.Unwrap())
	case interface{ Unwrap() []error }:
		for _, inner := range wrapping.Unwrap() {
			showsNoSecret(t, what, inner)
		}
	}
}

// verdict is a test that notes that it failed.
type verdict struct {
	testing.TB
	failed bool
}

func (v *verdict) Helper()               {}
func (v *verdict) Errorf(string, ...any) { v.failed = true }

// TestLeaksAreNoticed by showsNoSecret.
func TestLeaksAreNoticed(t *testing.T) {
	for _, secret := range secrets {
		for what, leak := range map[string]any{
			"an error": errors.New("dial " + secret), "a wrapped error": fmt.Errorf("%w: %w", io.EOF, errors.New(secret)), "a struct": struct{ URL string }{secret}, "bytes": []byte(secret),
		} {
			v := &verdict{}
			if showsNoSecret(v, what, leak); !v.failed {
				t.Errorf("%s: not noticed", what)
			}
		}
	}
}

// TestErrorsShowNoSecret: whatever goes wrong with Redis, and whatever is asked of it
// then.
func TestErrorsShowNoSecret(t *testing.T) {
	server := redistest.Start(t)
	server.Do("ACL", "SETUSER", "shop", "on", ">"+password, "+ping", "~*")
	proxy := redistest.NewProxy(t, server.Addr())
	with := func(user, password string) string { return "redis://" + user + ":" + password + "@" + server.Addr() }
	closed := open(t, redisstore.Config{URL: server.URL()})
	_ = closed.Close()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	proxy.Silence(true)
	for name, c := range map[string]struct {
		store *redisstore.Store
		ctx   context.Context
	}{
		"wrong password": {open(t, redisstore.Config{URL: with("shop", password+"x"), Timeout: 200 * time.Millisecond}), t.Context()},
		"unknown user":   {open(t, redisstore.Config{URL: with(redistest.Password, password), Timeout: 200 * time.Millisecond}), t.Context()},
		"not allowed":    {open(t, redisstore.Config{URL: with("shop", password), Timeout: 200 * time.Millisecond}), t.Context()},
		"nobody there":   {open(t, redisstore.Config{URL: "redis://default:" + redistest.Password + "@127.0.0.1:1", Timeout: 200 * time.Millisecond}), t.Context()},
		"no such host":   {open(t, redisstore.Config{URL: "redis://default:" + redistest.Password + "@redis.invalid", Timeout: 200 * time.Millisecond}), t.Context()},
		"no TLS":         {open(t, redisstore.Config{URL: strings.Replace(server.URL(), "redis:", "rediss:", 1), Timeout: 200 * time.Millisecond}), t.Context()},
		"silent":         {open(t, redisstore.Config{URL: proxy.URL(), Timeout: 200 * time.Millisecond}), t.Context()},
		"closed":         {closed, t.Context()},
		"ended":          {open(t, redisstore.Config{URL: proxy.URL(), Timeout: 200 * time.Millisecond}), ended},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(c.ctx, 5*time.Second)
			defer cancel()
			later := time.Now().Add(time.Hour)
			_, err := c.store.Load(ctx, "a")
			failures := []error{err, c.store.Ready(ctx), c.store.Delete(ctx, "a"), c.store.Revoke(ctx, "n", later, later), c.store.Enter(ctx, "o", "a", []byte(sealedValue), later)}
			_, err = c.store.Save(ctx, "a", nil, []byte(sealedValue), later)
			failures = append(failures, err)
			_, err = c.store.List(ctx, "o")
			failures = append(failures, err)
			_, err = c.store.Revoked(ctx, "n2")
			failures = append(failures, err)
			joining, stop := context.WithTimeout(ctx, time.Second)
			defer stop()
			_, finish, err := c.store.Join(joining, "r")
			if finish != nil {
				err = finish(joining, []byte(sealedValue), "next", later)
			}
			for _, err := range append(failures, err) {
				if err == nil {
					t.Error("no error")
				}
				showsNoSecret(t, "an error", err)
			}
		})
	}
}
