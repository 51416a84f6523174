package conformance_test

import (
	"maps"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/internal/interop/conformance"
)

// plan is a plan of the suite's.
type plan struct {
	name    string
	variant conformance.Variant // what the plan leaves to choose
	client  map[string]string   // addresses of the application's that it asks for
	gate    func(*gatehouse.Config)
	walk    func(*visit)      // what is done in every module, instead of that of [modules]
	want    map[string]string // results that differ from those of [modules]
}

// What is chosen: requests go through the browser, and the client is registered
// beforehand; or on the way, where the suite makes ids and secrets of every character
// that there may be.
var (
	ordinary   = conformance.Variant{"request_type": "plain_http_request", "client_registration": "static_client"}
	registered = plus(ordinary, conformance.Variant{"client_registration": "dynamic_client"})
	basic      = plus(ordinary, conformance.Variant{"client_auth_type": "client_secret_basic", "response_mode": "default"})
	code       = as("client_secret_basic", "default")
	fapi       = conformance.Variant{"client_auth_type": "private_key_jwt", "sender_constrain": "dpop", "authorization_request_type": "simple"}
)

func as(auth, mode string) conformance.Variant {
	return plus(ordinary, conformance.Variant{"client_auth_type": auth, "response_mode": mode, "response_type": "code"})
}

func plus(variant, more conformance.Variant) conformance.Variant {
	both := maps.Clone(variant)
	maps.Copy(both, more)
	return both
}

// plans are those of a relying party of the code flow.
var plans = []plan{
	{name: "oidcc-client-basic-certification-test-plan", variant: ordinary},
	{name: "oidcc-client-formpost-basic-certification-test-plan", variant: ordinary},
	{name: "oidcc-client-config-certification-test-plan", variant: basic},
	{name: "oidcc-client-basic-certification-test-plan", variant: registered},
	// It can't be run with a client that is registered beforehand: the suite takes it to
	// have begun before it has.
	{name: "oidcc-client-test-3rd-party-init-login-test-plan", variant: plus(code, registered), client: map[string]string{
		"initiate_login_uri": "/auth/login",
	}},
	{name: "oidcc-client-rp-initiated-logout-rp-basic", variant: basic, client: map[string]string{
		"post_logout_redirect_uri": "/", "backchannel_logout_uri": "/auth/backchannel-logout",
	}},
	{name: "oidcc-client-back-channel-logout-rp-basic", variant: basic, client: map[string]string{
		"post_logout_redirect_uri": "/", "backchannel_logout_uri": "/auth/backchannel-logout",
	}},
	{name: "oidcc-client-front-channel-logout-rp-basic", variant: basic, client: map[string]string{
		"post_logout_redirect_uri": "/", "frontchannel_logout_uri": "/auth/frontchannel-logout",
	}},
	// Both channels at once.
	{name: "oidcc-client-logout-test-plan", variant: code, client: map[string]string{
		"post_logout_redirect_uri": "/", "backchannel_logout_uri": "/auth/backchannel-logout", "frontchannel_logout_uri": "/auth/frontchannel-logout",
	}, want: map[string]string{
		"oidcc-client-test-rp-init-logout": "REVIEW", "oidcc-client-test-rp-init-logout-other-state": "REVIEW", "oidcc-client-test-rp-init-logout-no-state": "REVIEW",
	}},
	{name: "oidcc-client-refreshtoken-test-plan", variant: code},
	{name: "oidcc-client-test-plan", variant: code},
	{name: "oidcc-client-test-plan", variant: as("client_secret_post", "form_post")},
	{name: "oidcc-client-test-plan", variant: as("private_key_jwt", "default")},
	{name: "oidcc-client-test-plan", variant: as("none", "default")},
	{name: "fapi2-security-profile-final-client-test-plan", variant: plus(fapi, conformance.Variant{
		"fapi_profile": "plain_fapi", "fapi_client_type": "oidc",
	}), gate: strictly},
	{name: "fapi2-security-profile-final-client-test-plan", variant: plus(fapi, conformance.Variant{
		"fapi_profile": "fapi_client_credentials_grant", "fapi_client_type": "plain_oauth",
	}), gate: forItself, walk: isServedItself},
}

// module is what the application and the person do in a module of the suite's.
type module struct {
	walk func(*visit)
	gate func(*gatehouse.Config)
	want string // the suite's result; empty is PASSED
	lack string // what the module is about and Gatehouse doesn't have: it isn't run
}

// modules are those of the plans, by name.
var modules = map[string]module{
	"oidcc-client-test":                           {walk: signsIn},
	"oidcc-client-test-client-secret-basic":       {walk: signsIn, gate: withSecret},
	"oidcc-client-test-scope-userinfo-claims":     {walk: isToldMore},
	"oidcc-client-test-idtoken-sig-rs256":         {walk: signsIn},
	"oidcc-client-test-kid-absent-single-jwks":    {walk: signsIn},
	"oidcc-client-test-kid-absent-multiple-jwks":  {walk: signsIn},
	"oidcc-client-test-userinfo-bearer-header":    {walk: signsIn},
	"oidcc-client-test-userinfo-signed":           {walk: signsIn},
	"oidcc-client-test-aggregated-claims":         {walk: signsIn},
	"oidcc-client-test-discovery-openid-config":   {walk: looks},
	"oidcc-client-test-discovery-jwks-uri-keys":   {walk: looks},
	"oidcc-client-test-invalid-iss":               {walk: isRefused},
	"oidcc-client-test-missing-sub":               {walk: isRefused},
	"oidcc-client-test-invalid-aud":               {walk: isRefused},
	"oidcc-client-test-missing-aud":               {walk: isRefused},
	"oidcc-client-test-missing-iat":               {walk: isRefused},
	"oidcc-client-test-invalid-sig-rs256":         {walk: isRefused},
	"oidcc-client-test-invalid-sig-es256":         {walk: isRefused},
	"oidcc-client-test-invalid-sig-hs256":         {walk: isRefused, gate: byHS256},
	"oidcc-client-test-userinfo-invalid-sub":      {walk: isRefused},
	"oidcc-client-test-nonce-invalid":             {walk: isRefused},
	"oidcc-client-test-discovery-issuer-mismatch": {walk: isRefused},
	"oidcc-client-test-form-post-error":           {walk: isRefused, gate: inSilence},
	// The suite lets clients skip it that never accept an unsigned token.
	"oidcc-client-test-idtoken-sig-none": {walk: isRefused, want: "SKIPPED"},

	"oidcc-client-test-signing-key-rotation-just-before-signing": {walk: signsIn},
	"oidcc-client-test-signing-key-rotation":                     {walk: signsInAgain},

	"oidcc-client-test-3rd-party-init-login": {walk: isSentToSignIn},

	"oidcc-client-test-refresh-token":                {walk: isRenewed},
	"oidcc-client-test-refresh-token-invalid-issuer": {walk: isNotRenewed},
	"oidcc-client-test-refresh-token-invalid-sub":    {walk: isNotRenewed},

	"oidcc-client-test-rp-init-logout":             {walk: signsOut},
	"oidcc-client-test-rp-init-logout-other-state": {walk: signsOut},
	"oidcc-client-test-rp-init-logout-no-state":    {walk: signsOut},

	"oidcc-client-test-rp-backchannel-rpinitlogout":             {walk: signsOut},
	"oidcc-client-test-rp-backchannel-rpinitlogout-alg-none":    {walk: signsOut},
	"oidcc-client-test-rp-backchannel-rpinitlogout-no-event":    {walk: signsOut},
	"oidcc-client-test-rp-backchannel-rpinitlogout-with-nonce":  {walk: signsOut},
	"oidcc-client-test-rp-backchannel-rpinitlogout-wrong-alg":   {walk: signsOut, gate: byRS256},
	"oidcc-client-test-rp-backchannel-rpinitlogout-wrong-aud":   {walk: signsOut},
	"oidcc-client-test-rp-backchannel-rpinitlogout-wrong-event": {walk: signsOut},
	"oidcc-client-test-rp-backchannel-rpinitlogout-wrong-iss":   {walk: signsOut},

	// The suite can't see into a frame of another site, and asks for a review.
	"oidcc-client-test-rp-frontchannel-rpinitlogout": {walk: signsOut, want: "REVIEW"},
	"oidcc-client-test-rp-frontchannel-opinitlogout": {walk: isSignedOut, want: "REVIEW"},

	"oidcc-client-test-userinfo-bearer-body":     {lack: "access tokens in the body of UserInfo requests"},
	"oidcc-client-test-distributed-claims":       {lack: "distributed claims"},
	"oidcc-client-test-discovery-webfinger-acct": {lack: "WebFinger"},
	"oidcc-client-test-discovery-webfinger-url":  {lack: "WebFinger"},
	"oidcc-client-test-session-management":       {lack: "session management by frames"},

	"fapi2-security-profile-final-client-test-happy-path":                                                     {walk: isServed},
	"fapi2-security-profile-final-client-test-happy-path-no-dpop-nonce":                                       {walk: isServed},
	"fapi2-security-profile-final-client-test-valid-aud-as-array":                                             {walk: isServed},
	"fapi2-security-profile-final-client-test-token-endpoint-response-without-expires_in":                     {walk: isServed},
	"fapi2-security-profile-final-client-test-token-type-case-insensitivity":                                  {walk: isServed},
	"fapi2-security-profile-final-client-test-rs-dpop-auth-scheme-case-insensitivity":                         {walk: isServed},
	"fapi2-security-profile-final-client-test-discovery-issuer-mismatch":                                      {walk: isRefused},
	"fapi2-security-profile-final-client-test-invalid-iss":                                                    {walk: isRefused},
	"fapi2-security-profile-final-client-test-invalid-aud":                                                    {walk: isRefused},
	"fapi2-security-profile-final-client-test-invalid-secondary-aud":                                          {walk: isRefused},
	"fapi2-security-profile-final-client-test-invalid-null-alg":                                               {walk: isRefused},
	"fapi2-security-profile-final-client-test-invalid-alternate-alg":                                          {walk: isRefused},
	"fapi2-security-profile-final-client-test-invalid-expired-exp":                                            {walk: isRefused},
	"fapi2-security-profile-final-client-test-invalid-missing-exp":                                            {walk: isRefused},
	"fapi2-security-profile-final-client-test-invalid-missing-aud":                                            {walk: isRefused},
	"fapi2-security-profile-final-client-test-invalid-missing-iss":                                            {walk: isRefused},
	"fapi2-security-profile-final-client-test-invalid-nonce":                                                  {walk: isRefused},
	"fapi2-security-profile-final-client-test-invalid-missing-nonce":                                          {walk: isRefused},
	"fapi2-security-profile-final-client-test-invalid-authorization-response-iss":                             {walk: isRefused},
	"fapi2-security-profile-final-client-test-remove-authorization-response-iss":                              {walk: isRefused},
	"fapi2-security-profile-final-client-test-ensure-authorization-response-with-invalid-state-fails":         {walk: isRefused},
	"fapi2-security-profile-final-client-test-ensure-authorization-response-with-invalid-missing-state-fails": {walk: isRefused},
}
