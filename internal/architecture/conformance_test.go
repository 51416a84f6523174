package architecture

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// outcomes match the cells of a table that say how a module ended.
var outcomes = regexp.MustCompile(`\| (PASSED|SKIPPED|REVIEW|FAILED|WARNING|not run)\b`)

// TestConformanceAddsUp: the page shows a result for every module that it counts.
func TestConformanceAddsUp(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(top, "docs", "conformance.md"))
	if err != nil {
		t.Fatal(err)
	}
	summary, tables, ok := strings.Cut(string(text), "\n## ")
	if !ok {
		t.Fatal("there are no results")
	}
	counted := map[string]int{}
	for _, cell := range outcomes.FindAllStringSubmatch(tables, -1) {
		counted[cell[1]]++
	}
	want := fmt.Sprintf("| result | %d PASSED, %d SKIPPED, %d REVIEW, none FAILED and none WARNING; %d not run,",
		counted["PASSED"], counted["SKIPPED"], counted["REVIEW"], counted["not run"])
	if !strings.Contains(summary, want) || counted["FAILED"]+counted["WARNING"] > 0 {
		t.Errorf("the tables say %v, which is not what is said of them", counted)
	}
}
