package architecture

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadmeNamesEverySetting: a field of Config that the README's table doesn't
// have is one that nobody finds.
func TestReadmeNamesEverySetting(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(top, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, settings, _ := strings.Cut(string(readme), "\n## Settings\n")
	settings, _, _ = strings.Cut(settings, "\n## ")
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(top, "config.go"), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	fields := 0
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != "Config" {
			return true
		}
		for _, field := range spec.Type.(*ast.StructType).Fields.List {
			for _, name := range field.Names {
				fields++
				if !strings.Contains(settings, "`"+name.Name+"`") {
					t.Errorf("README.md has no setting %s", name.Name)
				}
			}
		}
		return false
	})
	if fields < 20 {
		t.Errorf("only %d fields were found", fields)
	}
}

// links match the pages that a page points to.
var links = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)

// TestLinksLead: pages point only to files that are there.
func TestLinksLead(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join(top, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, filepath.Join(top, "README.md"), filepath.Join(top, "SECURITY.md")) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range links.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), link[1])); err != nil {
				t.Errorf("%s points to %s, which isn't there", filepath.Base(page), link[1])
			}
		}
	}
}
