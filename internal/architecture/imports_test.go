// Package architecture holds the tests of the repository's shape.
package architecture

import (
	"os/exec"
	"strings"
	"testing"
)

const root = "github.com/gatehouse-go/gatehouse"

// rooms work alone: none of them imports the root or another room.
var rooms = []string{"oidc", "cookie", "refresh", "rbac", "storetest"}

// dependencies are the modules that the root module may require directly.
var dependencies = map[string]bool{
	"github.com/coreos/go-oidc/v3":    true,
	"github.com/go-jose/go-jose/v4":   true, // comes with go-oidc, and parses its keys
	"github.com/golang-jwt/jwt/v5":    true,
	"github.com/gorilla/securecookie": true,
	"github.com/klauspost/compress":   true,
	"golang.org/x/oauth2":             true,
	"golang.org/x/sync":               true,
}

func goList(t *testing.T, args ...string) []string {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list"}, args...)...).Output()
	if err != nil {
		t.Fatalf("go list %v: %v", args, err)
	}
	return strings.Fields(string(out))
}

func TestRoomsImportNoRoom(t *testing.T) {
	for _, room := range rooms {
		imports := goList(t, "-f", `{{join .Imports "\n"}}`, root+"/"+room)
		for _, imported := range imports {
			if within(imported, root) && !within(imported, root+"/internal") && !within(imported, root+"/"+room+"/internal") {
				t.Errorf("%s imports %s", room, imported)
			}
		}
	}
}

func TestTestProviderImportsNothingOfOurs(t *testing.T) {
	for _, imported := range goList(t, "-f", `{{join .Imports "\n"}}`, root+"/oidc/oidctest") {
		if within(imported, root) {
			t.Errorf("oidctest imports %s", imported)
		}
	}
}

func TestInternalImportsOnlyInternal(t *testing.T) {
	for _, line := range goList(t, "-f", `{{range .Imports}}{{$.ImportPath}}={{.}}{{"\n"}}{{end}}`, root+"/internal/...") {
		pkg, imported, _ := strings.Cut(line, "=")
		if within(imported, root) && !within(imported, root+"/internal") {
			t.Errorf("%s imports %s", pkg, imported)
		}
	}
}

func TestRootModuleStaysLight(t *testing.T) {
	for _, module := range goList(t, "-m", "-f", `{{if and (not .Main) (not .Indirect)}}{{.Path}}{{end}}`, "all") {
		if !dependencies[module] {
			t.Errorf("the root module requires %s", module)
		}
	}
}

func within(path, parent string) bool {
	return path == parent || strings.HasPrefix(path, parent+"/")
}
