package redistest

import (
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"
)

// Proxy stands between a client and a server, on a loopback port.
type Proxy struct {
	listener net.Listener
	running  sync.WaitGroup

	mu     sync.Mutex
	target []string // in turn
	delay  time.Duration
	silent bool
	held   chan struct{} // closed when it ends; nil while nothing is held
	cuts   int
	closed bool
	conns  map[net.Conn]struct{}
}

// NewProxy returns a Proxy to an address. It ends with its test.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{target: []string{target}, listener: listener, conns: map[net.Conn]struct{}{}}
	p.running.Go(p.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		p.mu.Lock()
		p.closed = true
		p.mu.Unlock()
		p.Hold(false)
		p.Cut()
		p.running.Wait()
	})
	return p
}

// URL is the redis URL of what is behind it.
func (p *Proxy) URL() string { return "redis://default:" + Password + "@" + p.listener.Addr().String() }

// Delay lets everything take so much longer, in each direction.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// Silence lets nothing through any more, as a firewall does that drops packets;
// false ends that for new connections, and cuts the old ones.
func (p *Proxy) Silence(silent bool) {
	p.mu.Lock()
	p.silent = silent
	p.mu.Unlock()
	if !silent {
		p.Cut()
	}
}

// Hold keeps everything back, and lets it go on its way when that ends.
func (p *Proxy) Hold(hold bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case hold && p.held == nil:
		p.held = make(chan struct{})
	case !hold && p.held != nil:
		close(p.held)
		p.held = nil
	}
}

// Lead takes new connections to other addresses, in turn, and leaves the old ones.
func (p *Proxy) Lead(target ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = slices.Clone(target)
}

// Cut breaks every connection, also one that is being made.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cuts++
	for conn := range p.conns {
		_ = conn.Close()
	}
}

func (p *Proxy) late() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.delay
}

// passes waits while everything is held, and reports whether anything gets through.
func (p *Proxy) passes() bool {
	for {
		p.mu.Lock()
		held, silent := p.held, p.silent
		p.mu.Unlock()
		if held == nil {
			return !silent
		}
		<-held
	}
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		target := p.target[0]
		p.target = append(p.target[1:], target)
		cuts := p.cuts
		p.mu.Unlock()
		server, err := net.Dial("tcp", target)
		if err != nil {
			_ = client.Close()
			continue
		}
		if !p.add(cuts, client, server) {
			continue
		}
		p.running.Go(func() { p.carry(client, server) })
		p.running.Go(func() { p.carry(server, client) })
	}
}

// add keeps two connections, unless everything was cut meanwhile.
func (p *Proxy) add(cuts int, client, server net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.cuts != cuts {
		_, _ = client.Close(), server.Close()
		return false
	}
	p.conns[client], p.conns[server] = struct{}{}, struct{}{}
	return true
}

type parcel struct {
	due  time.Time
	data []byte
}

// carry lets what was read arrive later, not slower.
func (p *Proxy) carry(from, to net.Conn) {
	parcels := make(chan parcel, 1024)
	p.running.Go(func() {
		defer to.Close()
		for next := range parcels {
			time.Sleep(time.Until(next.due))
			if !p.passes() {
				continue
			}
			if _, err := to.Write(next.data); err != nil {
				break
			}
		}
		for range parcels { // nobody reads them any more
			continue
		}
	})
	defer close(parcels)
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.conns, from)
	}()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			parcels <- parcel{time.Now().Add(p.late()), append([]byte(nil), buffer[:n]...)}
		}
		if err != nil {
			if err != io.EOF {
				_ = from.Close()
			}
			return
		}
	}
}
