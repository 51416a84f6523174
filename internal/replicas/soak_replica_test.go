package replicas

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gatehouse-go/gatehouse/internal/soak"
	"github.com/gatehouse-go/gatehouse/rbac"
	"github.com/gatehouse-go/gatehouse/redisstore"
)

// orders are what a replica of the soak is told, in its environment.
type orders struct {
	Name               string // by which the provider knows the process
	Issuer, Base, Keys string
	Redis              string
	Mode               mode
	Seed               uint64
	Ahead              time.Duration // of its clock, at first
}

// nameHeader is in every request of a replica to the provider.
const nameHeader = "X-Replica"

// serve is a replica, on the listener that it is given, until its standard input
// ends.
func serve(told string) error {
	var o orders
	if err := json.Unmarshal([]byte(told), &o); err != nil {
		return err
	}
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		return err
	}
	keys, err := cookie.ParseKeys(o.Keys)
	if err != nil {
		return err
	}
	clock := soak.NewClock(o.Seed, o.Ahead)
	redis, err := redisstore.New(redisstore.Config{URL: o.Redis, Clock: clock.Now})
	if err != nil {
		return err
	}
	client := soak.Client()
	client.Transport = &signed{client.Transport, o.Name}
	config := gatehouse.Config{
		Issuer: o.Issuer, ClientID: "app", ClientSecret: "secret", BaseURL: o.Base, SessionKeys: keys,
		RememberedSessions: 64, HTTPClient: client, Clock: clock.Now, Logger: slog.New(slog.NewTextHandler(os.Stdout, nil)),
	}
	if o.Mode == stored {
		config.Store = redis
	} else {
		config.Revocations = redis
	}
	gate, err := gatehouse.New(config)
	if err != nil {
		return err
	}
	site := http.NewServeMux()
	site.Handle("/", soaked(gate))
	site.HandleFunc("/-/ready", func(w http.ResponseWriter, r *http.Request) {
		if err := redis.Ready(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	})
	site.HandleFunc("/-/left", func(w http.ResponseWriter, r *http.Request) {
		goroutines, _ := strconv.Atoi(r.FormValue("before"))
		_ = json.NewEncoder(w).Encode(soak.Rest(client.CloseIdleConnections, soak.Left{Goroutines: goroutines}))
	})
	server := &http.Server{Handler: site}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = server.Close()
	}()
	if err := server.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	if err := gate.Close(); err != nil {
		return err
	}
	return redis.Close()
}

// signed says in every request which process sends it.
type signed struct {
	http.RoundTripper
	name string
}

func (s *signed) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set(nameHeader, s.name)
	return s.RoundTripper.RoundTrip(r)
}

// CloseIdleConnections is what [http.Client.CloseIdleConnections] looks for.
func (s *signed) CloseIdleConnections() {
	if closer, ok := s.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

// soaked are the pages that package soak asks for.
func soaked(gate *gatehouse.Gate) http.Handler {
	me := func(w http.ResponseWriter, r *http.Request) {
		who, _ := gatehouse.IdentityFrom(r.Context())
		_ = json.NewEncoder(w).Encode(map[string]string{"sub": who.Subject()})
	}
	pages, api := gate.Mux(), gate.Mux()
	pages.HandleFunc("/{$}", rbac.Public(), func(w http.ResponseWriter, r *http.Request) {
		name := "stranger"
		if who, ok := gatehouse.IdentityFrom(r.Context()); ok {
			name = who.Subject()
		}
		fmt.Fprint(w, "hello ", name)
	})
	pages.HandleFunc("/me", rbac.Role("admin"), me)
	api.HandleFunc("/api/me", rbac.SignedIn(), me)
	site := http.NewServeMux()
	site.Handle("/", gate.Wrap(pages))
	site.Handle("/api/", gate.API(api))
	return site
}
