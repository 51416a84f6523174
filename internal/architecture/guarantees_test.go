package architecture

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const top = "../.."

// corpus are the files whose every test is a guarantee of its own.
var corpus = regexp.MustCompile(`^(attack|certification).*_test\.go$`)

// named matches a test, and the case of it that is meant, in a page.
var named = regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9]+)(?:/([^`]+))?`")

// fuzzed are the tests of parsers, each of which is a guarantee too.
var fuzzed = regexp.MustCompile(`^Fuzz`)

// tests are all tests of the repository, and in which files each is.
type tests map[string][]testFile

type testFile struct {
	name     string
	literals map[string]bool // strings in it, among them the names of cases
}

func readTests(t *testing.T) tests {
	t.Helper()
	all := tests{}
	err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		file := testFile{filepath.Base(path), map[string]bool{}}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				if text, err := strconv.Unquote(literal.Value); err == nil {
					file.literals[text] = true
				}
			}
			return true
		})
		for _, declared := range parsed.Decls {
			if f, ok := declared.(*ast.FuncDecl); ok && f.Recv == nil && (strings.HasPrefix(f.Name.Name, "Test") || fuzzed.MatchString(f.Name.Name)) {
				all[f.Name.Name] = append(all[f.Name.Name], file)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// has reports whether there is such a test, and such a case of it.
func (all tests) has(test, which string) bool {
	for _, file := range all[test] {
		if which == "" || file.literals[which] {
			return true
		}
	}
	return false
}

// TestPagesNameTheirTests: every test and fuzz target that a page of promises
// names exists, every row that promises something names one, and no attack,
// module of the certification or fuzz target is left out.
func TestPagesNameTheirTests(t *testing.T) {
	all := readTests(t)
	mentioned := map[string]bool{}
	for _, page := range []string{"docs/guarantees.md", "SECURITY.md"} {
		text, err := os.ReadFile(filepath.Join(top, page))
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			names := named.FindAllStringSubmatch(line, -1)
			if page == "docs/guarantees.md" && isRow(line) && len(names) == 0 {
				t.Errorf("%s:%d promises what no test holds: %s", page, i+1, line)
			}
			for _, name := range names {
				mentioned[name[1]] = true
				if !all.has(name[1], name[2]) {
					t.Errorf("%s:%d: there is no %s", page, i+1, name[0])
				}
			}
		}
	}
	for test, files := range all {
		if (corpus.MatchString(files[0].name) || fuzzed.MatchString(test)) && !mentioned[test] {
			t.Errorf("docs/guarantees.md doesn't mention %s", test)
		}
	}
}

// isRow reports whether a line is a row of a table, below its head.
func isRow(line string) bool {
	return strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| ---") && !strings.HasPrefix(line, "| guarantee")
}
