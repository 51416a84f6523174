package gatehouse

import (
	"encoding/base64"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/rbac"
)

// BenchmarkMemoryStore loads sessions, by how many there are and by how many ask
// at once: run it with -cpu 1,2. B/session is what keeping one takes beside the
// session itself.
func BenchmarkMemoryStore(b *testing.B) {
	for _, size := range []int{1, 10, 100, 1_000, 10_000, 100_000, 1_000_000} {
		var s *MemoryStore
		var ids []string
		var beside float64
		b.Run(fmt.Sprintf("sessions=%d", size), func(b *testing.B) {
			if s == nil { // a benchmark is run several times
				s, ids, beside = filledStore(b, size)
			}
			var next atomic.Uint64
			b.SetParallelism(16)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				i := next.Add(7919)
				for pb.Next() {
					i++
					if value, err := s.Load(b.Context(), ids[i%uint64(size)]); value == nil || err != nil {
						b.Error("not there", err)
						return
					}
				}
			})
			b.ReportMetric(beside, "B/session")
		})
	}
}

// TestLoadsDontWait: who loads a session waits for nobody who does so too, and sees
// what was saved last, while others save and the store is full.
func TestLoadsDontWait(t *testing.T) {
	s := NewMemoryStore(MemoryStoreConfig{MaxSessions: 8})
	ctx, later := t.Context(), time.Now().Add(time.Hour)
	save := func(id string, previous, value []byte) {
		t.Helper()
		if saved, err := s.Save(ctx, id, previous, value, later); !saved || err != nil {
			t.Error(saved, err)
		}
	}
	save("a", nil, []byte("0"))
	s.mu.RLock() // as another Load does
	value, err := s.Load(ctx, "a")
	s.mu.RUnlock()
	if string(value) != "0" || err != nil {
		t.Errorf("%s %v", value, err)
	}
	var loading sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		loading.Go(func() {
			for last := 0; ; {
				value, err := s.Load(ctx, "a")
				now, wrong := strconv.Atoi(string(value))
				if err != nil || wrong != nil || now < last {
					t.Errorf("%s after %d, %v", value, last, err)
					return
				}
				last = now
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for i := range 200 { // each pushes out another one, and never the one that is used
		save(fmt.Sprint("b", i), nil, []byte("x"))
		previous, err := s.Load(ctx, "a")
		if err != nil {
			t.Error(err)
		}
		save("a", previous, fmt.Append(nil, i+1))
	}
	close(done)
	loading.Wait()
}

// filledStore returns a store of so many sessions, their ids, and what keeping one
// takes.
func filledStore(b *testing.B, size int) (s *MemoryStore, ids []string, beside float64) {
	var before, after runtime.MemStats
	ids, value := make([]string, size), make([]byte, 100)
	for i := range ids {
		ids[i] = fmt.Sprintf("s%032d", i)
	}
	runtime.GC()
	runtime.ReadMemStats(&before)
	s = NewMemoryStore(MemoryStoreConfig{MaxSessions: size})
	for _, id := range ids {
		if saved, err := s.Save(b.Context(), id, nil, value, time.Now().Add(time.Hour)); !saved || err != nil {
			b.Fatal(saved, err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	return s, ids, (float64(after.HeapAlloc)-float64(before.HeapAlloc))/float64(size) - float64(len(value))
}

// usualFrame is a session with an ID token of 1.1 kB, an access token of 1.1 kB and
// a refresh token of 300 bytes.
func usualFrame(number int) []byte {
	said := fmt.Sprintf(`{"iss":"https://idp.example.com","sub":"248289761%06d","name":"Alice Example","email":"alice@example.com",`+
		`"locale":"en-GB","roles":["admin","editor"],"pad":%q}`, number, strings.Repeat("x", 400))
	token := func(payload string) string {
		encode := base64.RawURLEncoding.EncodeToString
		return encode([]byte(`{"alg":"RS256"}`)) + "." + encode([]byte(payload)) + "." + encode(make([]byte, 256))
	}
	s := session{id: newSessionID(), begun: 1_800_000_000_123, seen: 1_800_000_060, ends: 1_800_043_200}
	s.tokens = oidc.TokenSet{AccessToken: token(said), RefreshToken: strings.Repeat("r", 300), IDToken: token(said), Expires: time.Unix(1_800_000_300, 0)}.Pack()
	return s.frame()
}

// BenchmarkMemoryPerSession is how much memory one remembered session of a usual
// size takes: opened, and once a rule has asked for its claims.
func BenchmarkMemoryPerSession(b *testing.B) {
	const count = 2000
	policy, err := rbac.Policy{}.Compile()
	if err != nil {
		b.Fatal(err)
	}
	gate := &Gate{policy: policy}
	for _, read := range []bool{false, true} {
		b.Run(map[bool]string{false: "opened", true: "claims read"}[read], func(b *testing.B) {
			for range b.N {
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				all := make([]*Identity, count)
				for i := range all {
					s, err := parseSession(usualFrame(i))
					if err != nil {
						b.Fatal(err)
					}
					all[i] = newIdentity(gate, s)
					if read {
						all[i].read()
					}
				}
				runtime.GC()
				runtime.ReadMemStats(&after)
				b.ReportMetric((float64(after.HeapAlloc)-float64(before.HeapAlloc))/count, "B/session")
				runtime.KeepAlive(all)
			}
		})
	}
}
