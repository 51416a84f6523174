package origin

import (
	"net/url"
	"testing"
)

func TestOf(t *testing.T) {
	for address, want := range map[string]string{
		"https://shop.example.com":             "https://shop.example.com",
		"HTTPS://Shop.Example.COM:443/a?b#c":   "https://shop.example.com",
		"https://shop.example.com:":            "https://shop.example.com",
		"https://shop.example.com:80/":         "https://shop.example.com:80",
		"http://shop.example.com:80/":          "http://shop.example.com",
		"http://shop.example.com:443/":         "http://shop.example.com:443",
		"http://127.0.0.1:8080/":               "http://127.0.0.1:8080",
		"http://[::1]/":                        "http://[::1]",
		"http://[::1]:80/":                     "http://[::1]",
		"http://[::1]:8080/":                   "http://[::1]:8080",
		"https://[2001:DB8::1]:443/":           "https://[2001:db8::1]",
		"https://user:pass@shop.example.com:1": "https://shop.example.com:1",
		"https://[FE80::1%25Eth0]:8443/":       "https://[fe80::1%25eth0]:8443",
		"https://[fe80::1%25eth0]/":            "https://[fe80::1%25eth0]",
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := Of(u); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}
