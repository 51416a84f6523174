package outbound

import (
	"net/http"
	"testing"
)

func TestTransport(t *testing.T) {
	base := http.DefaultTransport
	t.Cleanup(func() { http.DefaultTransport = base })
	change := func(t *http.Transport) { t.MaxResponseHeaderBytes = 1234 }

	made, ok := Transport(change).(*http.Transport)
	if !ok || made == base || made.MaxResponseHeaderBytes != 1234 || base.(*http.Transport).MaxResponseHeaderBytes == 1234 || made.Proxy == nil {
		t.Errorf("%+v", made)
	}
	http.DefaultTransport = replaced{base}
	if made := Transport(change); made != http.DefaultTransport {
		t.Errorf("%T in the place of the application's", made)
	}
}

type replaced struct{ http.RoundTripper }
