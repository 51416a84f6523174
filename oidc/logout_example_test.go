package oidc_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// A logout token is believed once. What it says is obeyed by the application's
// own function; the token counts as received when that succeeds.
func ExampleClient_ReceiveLogout() {
	provider := oidctest.NewServer(nil, oidctest.Config{Algorithm: "ES256"})
	defer provider.Close()
	client, err := oidc.NewClient(oidc.Config{Issuer: provider.Issuer(), ClientID: "app", ClientSecret: "secret", RedirectURL: "https://app.example/callback"})
	if err != nil {
		fmt.Println(err)
		return
	}
	token := provider.LogoutToken("app", "alice", "session-1").Sign()
	obey := func(_ context.Context, logout oidc.Logout) error {
		fmt.Println("sign out", logout.Subject, logout.SID)
		return nil
	}
	failing := func(context.Context, oidc.Logout) error { return errors.New("not now") }

	ctx := context.Background()
	fmt.Println(client.ReceiveLogout(ctx, token, failing))
	fmt.Println(client.ReceiveLogout(ctx, token, obey))
	fmt.Println(client.ReceiveLogout(ctx, token, obey))
	// Output:
	// not now
	// sign out alice session-1
	// <nil>
	// oidc: logout token: the answer is not valid: it was received before
}
