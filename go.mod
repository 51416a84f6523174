module github.com/gatehouse-go/gatehouse

go 1.26.0

require (
	github.com/coreos/go-oidc/v3 v3.21.0
	github.com/go-jose/go-jose/v4 v4.1.4
	github.com/golang-jwt/jwt/v5 v5.3.1
	github.com/gorilla/securecookie v1.1.2
	github.com/klauspost/compress v1.20.4
	golang.org/x/oauth2 v0.38.0
	golang.org/x/sync v0.25.0
)
