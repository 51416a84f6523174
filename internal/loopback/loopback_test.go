package loopback

import "testing"

func TestHost(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost":             true,
		"LOCALHOST":             true,
		"localhost.":            true,
		"app.localhost":         true,
		"127.0.0.1":             true,
		"127.8.9.10":            true,
		"::1":                   true,
		"[::1]":                 true,
		"::ffff:127.0.0.1":      true,
		"":                      false,
		"0.0.0.0":               false,
		"192.168.1.1":           false,
		"localhost.example.com": false,
		"notlocalhost":          false,
		"127.0.0.1.example.com": false,
		"127.1":                 false,
	} {
		if got := Host(host); got != want {
			t.Errorf("Host(%q) = %v, want %v", host, got, want)
		}
	}
}
