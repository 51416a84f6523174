package soak

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Person is one browser, and who sits in front of it.
type Person struct {
	crowd *Crowd
	name  string
	rand  *rand.Rand

	mu       sync.Mutex
	signedIn bool
	since    time.Time // when they last signed in, or began to
	cookies  map[string]string
}

// headers of the things that browsers do.
var (
	navigation = http.Header{
		"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}, "Sec-Fetch-Site": {"same-origin"},
		"Accept": {"text/html,application/xhtml+xml,*/*;q=0.8"},
	}
	fetching = http.Header{"Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Dest": {"empty"}, "Sec-Fetch-Site": {"same-origin"}, "Accept": {"*/*"}}
)

// live goes on until done is closed, by whatever people do, and signs in again
// where that is due.
func (p *Person) live(done <-chan struct{}) {
	p.signIn(done)
	for !Pause(done, time.Duration(p.rand.IntN(30))*time.Millisecond) {
		switch n := p.rand.IntN(100); {
		case n < 45:
			p.navigate()
		case n < 70:
			p.burst()
		case n < 80:
			p.loseAnswer()
		case n < 90:
			p.comeBack(done)
		case n < 94:
			Pause(done, time.Duration(p.rand.IntN(3000))*time.Millisecond) // for the access token to die
		case n < 97:
			p.public()
		case n < 98:
			p.signOutElsewhere()
		default:
			p.signOut()
		}
		if !p.isSignedIn() {
			p.signIn(done)
		}
	}
}

func (p *Person) isSignedIn() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.signedIn
}

func (p *Person) set(signedIn bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.signedIn = signedIn
}

// snapshot is the Cookie header of now.
func (p *Person) snapshot() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(p.cookies)) {
		pairs = append(pairs, name+"="+p.cookies[name])
	}
	return strings.Join(pairs, "; ")
}

func (p *Person) keep(set []*http.Cookie) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range set {
		if c.MaxAge < 0 || c.Value == "" {
			delete(p.cookies, c.Name)
		} else {
			p.cookies[c.Name] = c.Value
		}
	}
}

// reply is an answer; status is 0 where none came.
type reply struct {
	status   int
	body     string
	location string
	cookies  []*http.Cookie
}

// anywhere is the address of a page at one of the replicas.
func (p *Person) anywhere(path string) string {
	return p.crowd.Replicas[p.rand.IntN(len(p.crowd.Replicas))] + path
}

func (p *Person) ask(ctx context.Context, method, target, cookies string, header http.Header, form url.Values) reply {
	r, err := http.NewRequestWithContext(ctx, method, target, strings.NewReader(form.Encode()))
	if err != nil {
		p.complain("%v", err)
		return reply{}
	}
	began := time.Now()
	r.Header = header.Clone()
	if cookies != "" {
		r.Header.Set("Cookie", cookies)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := p.crowd.client.Do(r)
	if err != nil {
		if ctx.Err() == nil && !strings.HasPrefix(target, p.crowd.Provider) && !p.crowd.disturbed(began) {
			p.complain("%v", err)
		}
		return reply{}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return reply{}
	}
	p.crowd.Answers.Add(1)
	return reply{res.StatusCode, string(body), res.Header.Get("Location"), res.Cookies()}
}

// judge complains about an answer that somebody who is signed in must not get. It
// reports whether they were served.
func (p *Person) judge(doing string, a reply) bool {
	switch a.status {
	case http.StatusOK:
		var who struct{ Sub string }
		if json.Unmarshal([]byte(a.body), &who) != nil || who.Sub != p.name {
			p.complain("%s: taken for %q", doing, a.body)
		}
		p.crowd.Served.Add(1)
		return true
	case 0: // no answer at all is nobody's decision
	case http.StatusServiceUnavailable:
		p.crowd.TurnedAway.Add(1)
	default:
		if !p.isExcused() {
			p.complain("%s: signed out: %d to %.80s", doing, a.status, a.location)
		}
		p.set(false)
	}
	return false
}

// isExcused reports whether the provider had a reason to sign this person out.
func (p *Person) isExcused() bool {
	p.mu.Lock()
	since, first := p.since, p.signedIn
	p.mu.Unlock()
	if p.crowd.Excused == nil || !p.crowd.Excused(p.name, since) {
		return false
	}
	if first {
		p.crowd.Excuses.Add(1)
	}
	return true
}

func (p *Person) navigate() bool {
	a := p.ask(context.Background(), http.MethodGet, p.anywhere("/me"), p.snapshot(), navigation, nil)
	p.keep(a.cookies)
	return p.judge("navigating", a)
}

// burst is what a page does: several calls at once, and whatever cookie comes
// last stays.
func (p *Person) burst() {
	var all sync.WaitGroup
	cookies := p.snapshot()
	for range 2 + p.rand.IntN(5) {
		path := "/api/me"
		if p.rand.IntN(2) == 0 {
			path = "/me"
		}
		target := p.anywhere(path)
		all.Go(func() {
			a := p.ask(context.Background(), http.MethodGet, target, cookies, fetching, nil)
			p.keep(a.cookies)
			p.judge("fetching", a)
		})
	}
	all.Wait()
}

// loseAnswer asks, and never gets the cookies of the answer, or leaves before
// there is one. People try again.
func (p *Person) loseAnswer() {
	ctx, cancel := context.Background(), func() {}
	if p.rand.IntN(2) == 0 {
		ctx, cancel = context.WithTimeout(ctx, time.Duration(p.rand.IntN(30))*time.Millisecond)
	}
	defer cancel()
	p.judge("losing an answer", p.ask(ctx, http.MethodGet, p.anywhere("/me"), p.snapshot(), navigation, nil))
}

// comeBack uses the cookies of a moment ago once more, as a second window does
// that was opened before.
func (p *Person) comeBack(done <-chan struct{}) {
	old := p.snapshot()
	p.navigate()
	Pause(done, time.Duration(p.rand.IntN(1000))*time.Millisecond)
	a := p.ask(context.Background(), http.MethodGet, p.anywhere("/me"), old, navigation, nil)
	p.judge("coming back", a)
	if p.rand.IntN(2) == 0 {
		p.keep(a.cookies)
	}
}

func (p *Person) public() {
	a := p.ask(context.Background(), http.MethodGet, p.anywhere("/"), p.snapshot(), navigation, nil)
	p.keep(a.cookies)
	if a.status == http.StatusOK && a.body != "hello "+p.name && a.body != "hello stranger" {
		p.complain("greeted with %q", a.body)
	}
}

// signOut leaves, after which no copy of the cookies is worth anything anywhere.
func (p *Person) signOut() {
	old, began := p.snapshot(), time.Now()
	a := p.ask(context.Background(), http.MethodPost, p.anywhere("/auth/logout"), old, with(navigation, "Origin", p.crowd.Base), nil)
	p.keep(a.cookies)
	p.set(false)
	switch {
	case a.status == 0 && p.crowd.disturbed(began): // nobody knows whether it was
		return
	case a.status < 200 || a.status > 399:
		p.complain("signing out: %d", a.status)
		return
	}
	p.isDeadEverywhere(old)
}

// signOutElsewhere leaves at the provider, which tells one replica.
func (p *Person) signOutElsewhere() {
	if p.crowd.SignOutElsewhere == nil {
		return
	}
	old := p.snapshot()
	obeyed := p.crowd.SignOutElsewhere(p.name, p.rand.IntN(len(p.crowd.Replicas)))
	p.set(false)
	if obeyed {
		p.isDeadEverywhere(old)
	}
}

func (p *Person) isDeadEverywhere(cookies string) {
	p.crowd.SignOuts.Add(1)
	signedOut := time.Now()
	for _, replica := range p.crowd.Replicas {
		p.isDead(replica, cookies, signedOut)
	}
	p.crowd.obeyedAfter(time.Since(signedOut))
}

// isDead asks a replica until it refuses cookies that were signed out. One that serves
// nobody for now has longer for that than one that serves them.
func (p *Person) isDead(replica, cookies string, signedOut time.Time) {
	for {
		a := p.ask(context.Background(), http.MethodGet, replica+"/api/me", cookies, fetching, nil)
		if a.status == http.StatusUnauthorized {
			return
		}
		most := p.crowd.Obeyed
		if a.status != http.StatusOK {
			most *= 6
		}
		if took := time.Since(signedOut); took >= most {
			p.complain("signed out %v ago, and a copy of the cookies is answered %d", took, a.status)
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func with(header http.Header, name, value string) http.Header {
	header = header.Clone()
	header.Set(name, value)
	return header
}

// signIn tries until it works: a provider that is away signs nobody in.
func (p *Person) signIn(done <-chan struct{}) {
	for !p.tryToSignIn() && !Pause(done, 50*time.Millisecond) {
	}
}

func (p *Person) tryToSignIn() bool {
	began := time.Now()
	begun := p.ask(context.Background(), http.MethodGet, p.anywhere("/auth/login"), p.snapshot(), navigation, nil)
	p.keep(begun.cookies)
	if begun.status != http.StatusFound && begun.status != http.StatusSeeOther {
		return false
	}
	address, err := url.Parse(begun.location)
	if err != nil {
		p.complain("%v", err)
		return false
	}
	form := address.Query()
	form.Set("subject", p.name) // as the provider's form does
	address.RawQuery = ""
	back := p.ask(context.Background(), http.MethodPost, address.String(), "", http.Header{}, form)
	_, callback, ok := strings.Cut(back.location, "/auth/callback")
	if !ok {
		return false
	}
	ended := p.ask(context.Background(), http.MethodGet, p.anywhere("/auth/callback"+callback), p.snapshot(), navigation, nil)
	p.keep(ended.cookies)
	if ended.status == http.StatusFound || ended.status == http.StatusSeeOther {
		p.mu.Lock()
		p.signedIn, p.since = true, began
		p.mu.Unlock()
		p.crowd.SignIns.Add(1)
		return true
	}
	return false
}

// complain says what the replicas said of this person, besides.
func (p *Person) complain(format string, values ...any) {
	p.crowd.Errorf(p.name+": "+format+"\n%s", append(values, p.crowd.Log.About("sub="+p.name+"\n"))...)
}

// insist asks a replica, for as long as it takes the provider's last failure to be
// forgotten.
func (p *Person) insist(replica string) {
	var last reply
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		last = p.ask(context.Background(), http.MethodGet, replica+"/me", p.snapshot(), navigation, nil)
		p.keep(last.cookies)
		if last.status != http.StatusServiceUnavailable {
			break
		}
	}
	if !p.judge("when all is calm", last) && last.status == http.StatusServiceUnavailable {
		p.complain("not served when all is calm")
	}
}
