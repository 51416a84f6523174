package replay_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/replay"
)

func TestRequest(t *testing.T) {
	stream := struct{ io.Reader }{strings.NewReader("x")}
	for name, c := range map[string]struct {
		body    io.Reader
		getBody func() (io.ReadCloser, error)
		again   bool
	}{
		"no body":           {nil, nil, true},
		"text":              {strings.NewReader("text"), nil, true},
		"a stream":          {stream, nil, false},
		"a body that fails": {stream, func() (io.ReadCloser, error) { return nil, errors.New("gone") }, false},
	} {
		r, err := http.NewRequest(http.MethodPost, "https://api.example.com/", c.body)
		if err != nil {
			t.Fatal(err)
		}
		if c.getBody != nil {
			r.GetBody = c.getBody
		}
		if r.Body != nil {
			_, _ = io.ReadAll(r.Body)
		}
		again, ok := replay.Request(r)
		if ok != c.again {
			t.Errorf("%s: again %v", name, ok)
		}
		if !ok {
			continue
		}
		again.Header.Set("X", "y")
		if r.Header.Get("X") != "" {
			t.Errorf("%s: the header is shared", name)
		}
		if name == "text" {
			if body, _ := io.ReadAll(again.Body); string(body) != "text" {
				t.Errorf("%s: sent %q again", name, body)
			}
		}
	}
}

// body counts what is read and closed of it.
type body struct {
	io.Reader
	read, closed int
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	b.read += n
	return n, err
}

func (b *body) Close() error { b.closed++; return nil }

func TestDiscardIsBounded(t *testing.T) {
	endless := &body{Reader: io.LimitReader(zeros{}, 1<<30)}
	replay.Discard(&http.Response{Body: endless})
	if endless.closed != 1 || endless.read > 128<<10 {
		t.Errorf("read %d, closed %d times", endless.read, endless.closed)
	}
	sent := &body{Reader: strings.NewReader("x")}
	replay.CloseBody(&http.Request{Body: sent})
	replay.CloseBody(&http.Request{})
	if sent.closed != 1 {
		t.Errorf("closed %d times", sent.closed)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
