package interop

import (
	"html/template"
	"net/http"
	"net/url"
	"slices"
)

// SecondFactor is the class of authentication that [Hydra]'s pages confirm where
// it is asked for.
const SecondFactor = "urn:example:acr:second-factor"

// hydraPage is every page: fields for who is asked, and the challenge that the
// answer is for.
var hydraPage = template.Must(template.New("").Parse(`<!doctype html>
<title>{{.Title}}</title>
<form method="post">
<input type="hidden" name="challenge" value="{{.Challenge}}">
{{if .Asks}}<input name="login"><input type="password" name="password">{{end}}
<button>{{.Title}}</button>
</form>
`))

type hydraForm struct {
	Title, Challenge string
	Asks             bool // who it is
}

func (h *hydra) addPages(mux *http.ServeMux) {
	mux.HandleFunc("GET /login", h.showLogin)
	mux.HandleFunc("POST /login", h.login)
	mux.HandleFunc("GET /consent", h.showConsent)
	mux.HandleFunc("POST /consent", h.consent)
	mux.HandleFunc("GET /logout", h.showLogout)
	mux.HandleFunc("POST /logout", h.logout)
	mux.HandleFunc("GET /goodbye", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("goodbye")) })
}

// hydraRequest is what Hydra says of a challenge.
type hydraRequest struct {
	Skip     bool     `json:"skip"`
	Subject  string   `json:"subject"`
	Scopes   []string `json:"requested_scope"`
	Audience []string `json:"requested_access_token_audience"`
	Context  struct {
		ACRValues []string `json:"acr_values"`
	} `json:"oidc_context"`
}

// of reads the request that a challenge of a kind (login, consent) stands for.
func (h *hydra) of(r *http.Request, kind, challenge string) (hydraRequest, error) {
	var request hydraRequest
	err := h.ask(r.Context(), http.MethodGet, "/admin/oauth2/auth/requests/"+kind, url.Values{kind + "_challenge": {challenge}}, nil, &request)
	return request, err
}

// answer accepts or rejects what a challenge stands for, and sends the browser on.
func (h *hydra) answer(w http.ResponseWriter, r *http.Request, kind, verdict, challenge string, body any) {
	var next struct {
		RedirectTo string `json:"redirect_to"`
	}
	err := h.ask(r.Context(), http.MethodPut, "/admin/oauth2/auth/requests/"+kind+"/"+verdict, url.Values{kind + "_challenge": {challenge}}, body, &next)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	http.Redirect(w, r, next.RedirectTo, http.StatusSeeOther)
}

func (h *hydra) showLogin(w http.ResponseWriter, r *http.Request) {
	challenge := r.FormValue("login_challenge")
	request, err := h.of(r, "login", challenge)
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadGateway)
	case request.Skip && !slices.Contains(request.Context.ACRValues, SecondFactor):
		h.answer(w, r, "login", "accept", challenge, map[string]any{"subject": request.Subject, "remember": true})
	default:
		_ = hydraPage.Execute(w, hydraForm{"Sign in", challenge, true})
	}
}

func (h *hydra) login(w http.ResponseWriter, r *http.Request) {
	challenge := r.FormValue("challenge")
	if r.FormValue("cancel") != "" {
		h.answer(w, r, "login", "reject", challenge, map[string]any{"error": "access_denied", "error_description": "They don't want to."})
		return
	}
	request, err := h.of(r, "login", challenge)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	for _, who := range People() {
		if who.Login == r.FormValue("login") && who.Password == r.FormValue("password") {
			accepted := map[string]any{"subject": "id-of-" + who.Login, "remember": true, "amr": []string{"pwd"}}
			if slices.Contains(request.Context.ACRValues, SecondFactor) {
				accepted["acr"] = SecondFactor
			}
			h.answer(w, r, "login", "accept", challenge, accepted)
			return
		}
	}
	_ = hydraPage.Execute(w, hydraForm{"Sign in", challenge, true})
}

func (h *hydra) showConsent(w http.ResponseWriter, r *http.Request) {
	challenge := r.FormValue("consent_challenge")
	request, err := h.of(r, "consent", challenge)
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadGateway)
	case request.Skip:
		h.accept(w, r, challenge, request)
	default:
		_ = hydraPage.Execute(w, hydraForm{"Allow", challenge, false})
	}
}

func (h *hydra) consent(w http.ResponseWriter, r *http.Request) {
	challenge := r.FormValue("challenge")
	if r.FormValue("cancel") != "" {
		h.answer(w, r, "consent", "reject", challenge, map[string]any{"error": "access_denied", "error_description": "They don't want to."})
		return
	}
	request, err := h.of(r, "consent", challenge)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	h.accept(w, r, challenge, request)
}

// accept grants all that is asked for, and says who it is.
func (h *hydra) accept(w http.ResponseWriter, r *http.Request, challenge string, request hydraRequest) {
	claims := map[string]any{}
	for _, who := range People() {
		if request.Subject != "id-of-"+who.Login {
			continue
		}
		for scope, claim := range map[string][2]any{
			"profile": {"name", who.Name}, "email": {"email", who.Email}, "groups": {"groups", []string{who.Role}},
		} {
			if slices.Contains(request.Scopes, scope) {
				claims[claim[0].(string)] = claim[1]
			}
		}
	}
	h.answer(w, r, "consent", "accept", challenge, map[string]any{
		"grant_scope":                 request.Scopes,
		"grant_access_token_audience": request.Audience,
		"remember":                    true,
		"session":                     map[string]any{"id_token": claims, "access_token": map[string]any{"source": "consent"}},
	})
}

func (h *hydra) showLogout(w http.ResponseWriter, r *http.Request) {
	_ = hydraPage.Execute(w, hydraForm{"Sign out", r.FormValue("logout_challenge"), false})
}

func (h *hydra) logout(w http.ResponseWriter, r *http.Request) {
	h.answer(w, r, "logout", "accept", r.FormValue("challenge"), nil)
}
