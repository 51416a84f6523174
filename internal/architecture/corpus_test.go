package architecture

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	// seedHead begins every file of a corpus.
	seedHead = "go test fuzz v1\n"
	// leastSeeds is how many there are of each target at least, and mostSeed how many
	// bytes one has at most.
	leastSeeds, mostSeed = 5, 32 << 10
)

// seedName says what a seed is about.
var seedName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// TestCorpus: every fuzz target has its seeds in files with names, so that they run in
// the ordinary tests and can be added to without a change of code; and there are none
// of targets that are gone.
func TestCorpus(t *testing.T) {
	targets := map[string]bool{} // by the folder of their seeds
	err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, declared := range parsed.Decls {
			if f, ok := declared.(*ast.FuncDecl); ok && f.Recv == nil && fuzzed.MatchString(f.Name.Name) {
				folder := filepath.Join(filepath.Dir(path), "testdata", "fuzz", f.Name.Name)
				targets[folder] = true
				checkSeeds(t, folder)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(targets) < 50 {
		t.Errorf("only %d fuzz targets were found", len(targets))
	}
	err = filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && filepath.Base(filepath.Dir(path)) == "fuzz" && strings.HasSuffix(filepath.Dir(path), filepath.Join("testdata", "fuzz")) && !targets[path] {
			t.Errorf("%s: there is no such target", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func checkSeeds(t *testing.T, folder string) {
	t.Helper()
	files, err := os.ReadDir(folder)
	if err != nil || len(files) < leastSeeds {
		t.Errorf("%s holds %d seeds, want %d: %v", folder, len(files), leastSeeds, err)
	}
	for _, file := range files {
		path := filepath.Join(folder, file.Name())
		text, err := os.ReadFile(path)
		if err != nil || !strings.HasPrefix(string(text), seedHead) || len(text) > mostSeed || !seedName.MatchString(file.Name()) {
			t.Errorf("%s is no seed, has no name that says something, or is too long: %d bytes, %v", path, len(text), err)
		}
	}
}
