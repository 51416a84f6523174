package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Suite is a conformance suite that is running, spoken to by its REST API.
type Suite struct {
	// Address is its origin, such as https://localhost:8443.
	Address string
	// Client trusts its certificate.
	Client *http.Client
}

// Variant are the choices that a plan or a module leaves, by name.
type Variant map[string]string

// Plan is a plan that the suite has created, and its modules in their order.
type Plan struct {
	ID      string   `json:"id"`
	Modules []Module `json:"modules"`
}

// Module is a module of a plan, with what the plan fixes of its variant.
type Module struct {
	Name    string  `json:"testModule"`
	Variant Variant `json:"variant"`
}

// Version is what the suite says of itself: its version, and its commit.
func (s *Suite) Version(ctx context.Context) (version, commit string, err error) {
	var about struct{ Version, Revision string }
	err = s.call(ctx, http.MethodGet, "/api/server", nil, nil, &about)
	return about.Version, about.Revision, err
}

// Plan creates a plan. config is what its form asks for.
func (s *Suite) Plan(ctx context.Context, name string, variant Variant, config any) (Plan, error) {
	var plan Plan
	query, err := with(url.Values{"planName": {name}}, variant)
	if err == nil {
		err = s.call(ctx, http.MethodPost, "/api/plan", query, config, &plan)
	}
	return plan, err
}

// Start creates a module of a plan, and waits until it can be talked to.
func (s *Suite) Start(ctx context.Context, plan Plan, module Module) (*Run, error) {
	run := &Run{suite: s}
	query, err := with(url.Values{"plan": {plan.ID}, "test": {module.Name}}, module.Variant)
	if err == nil {
		err = s.call(ctx, http.MethodPost, "/api/runner", query, nil, run)
	}
	if err != nil {
		return nil, err
	}
	state, err := run.wait(ctx, "WAITING", "FINISHED", "INTERRUPTED")
	switch {
	case err != nil:
		return nil, err
	case state.Status != "WAITING":
		_, why, err := run.Result(ctx)
		return nil, errors.Join(fmt.Errorf("%s is %s before it began:\n%s", module.Name, state.Status, why), err)
	}
	return run, s.call(ctx, http.MethodGet, "/api/runner/"+run.ID, nil, nil, run)
}

// Run is one run of a module.
type Run struct {
	ID      string `json:"id"`
	Exposed struct {
		Issuer   string `json:"issuer"`
		Accounts string `json:"accounts_endpoint"` // a service, where the module has one
	} `json:"exposed"`

	suite *Suite
}

// state is how far a run has come.
type state struct{ Status, Result string }

// patience is how long a run may take to get somewhere.
const patience = 45 * time.Second

func (r *Run) wait(ctx context.Context, statuses ...string) (state, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		var now state
		if err := r.suite.call(ctx, http.MethodGet, "/api/info/"+r.ID, nil, nil, &now); err != nil {
			return now, err
		}
		if slices.Contains(statuses, now.Status) {
			return now, nil
		}
		select {
		case <-ctx.Done():
			return now, fmt.Errorf("still %s: %w", now.Status, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Visit waits until the suite wants the person sent somewhere, says that they are
// on their way, and returns the address.
func (r *Run) Visit(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		var about struct{ Browser struct{ URLs []string } }
		if err := r.suite.call(ctx, http.MethodGet, "/api/runner/"+r.ID, nil, nil, &about); err != nil {
			return "", err
		}
		if len(about.Browser.URLs) > 0 {
			address := about.Browser.URLs[0]
			return address, r.suite.call(ctx, http.MethodPost, "/api/runner/browser/"+r.ID+"/visit", url.Values{"url": {address}}, nil, nil)
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("nobody is sent anywhere: %w", ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Register registers a client, as somebody does before an application can use a
// provider (OpenID Connect Dynamic Client Registration 1.0 §3), and returns its id
// and its secret.
func (r *Run) Register(ctx context.Context, metadata map[string]any) (id, secret string, err error) {
	address := strings.TrimPrefix(r.Exposed.Issuer+"register", r.suite.Address)
	var registered struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	err = r.suite.call(ctx, http.MethodPost, address, nil, metadata, &registered)
	return registered.ID, registered.Secret, err
}

// Result waits for the end of the run. It is PASSED, FAILED, WARNING, REVIEW or
// SKIPPED, or UNFINISHED where the suite waits for what doesn't come, and why is what
// the suite found.
func (r *Run) Result(ctx context.Context) (result, why string, err error) {
	end, err := r.wait(ctx, "FINISHED", "INTERRUPTED")
	if err != nil {
		end.Result = "UNFINISHED"
	}
	var log []struct{ Result, Src, Msg string }
	if err := r.suite.call(ctx, http.MethodGet, "/api/log/"+r.ID, nil, nil, &log); err != nil {
		return end.Result, "", err
	}
	var found []string
	for _, entry := range log {
		if entry.Result != "" && entry.Result != "SUCCESS" && entry.Result != "INFO" && entry.Result != "FINISHED" {
			found = append(found, entry.Result+" "+entry.Src+": "+entry.Msg)
		}
	}
	return end.Result, strings.Join(found, "\n"), nil
}

// with adds a variant to a query, as the API takes it.
func with(query url.Values, variant Variant) (url.Values, error) {
	text, err := json.Marshal(variant)
	query.Set("variant", string(text))
	return query, err
}

// call sends one request to the API, and reads its answer into out.
func (s *Suite) call(ctx context.Context, method, path string, query url.Values, in, out any) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, s.Address+path+"?"+query.Encode(), body)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := s.Client.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		return err
	case res.StatusCode/100 != 2:
		return fmt.Errorf("%s %s: %d: %s", method, path, res.StatusCode, text)
	case out == nil:
		return nil
	}
	return json.Unmarshal(text, out)
}
