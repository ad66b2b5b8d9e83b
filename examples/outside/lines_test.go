package outside

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// The README says how many lines each part takes, and each takes no more than it may.
func TestLines(t *testing.T) {
	most := map[string]int{"conv.go": 100, "conditional.go": 60, "beta.go": 70, "mmd.go": 55, "binary.go": 100, "flowprior.go": 60,
		"serve.go": 40, "frozen.go": 30, "distill.go": 60, "iterator.go": 30, "vq.go": 180}
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, row := range regexp.MustCompile(`(?m)^\| \[([a-z]+\.go)\]\([a-z]+\.go\) \| (\d+) \|`).FindAllStringSubmatch(string(page), -1) {
		b, err := os.ReadFile(row[1])
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, line := range strings.Split(string(b), "\n") {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
				n++
			}
		}
		if fmt.Sprint(n) != row[2] {
			t.Errorf("%s has %d lines, the README says %s", row[1], n, row[2])
		}
		if limit, ok := most[row[1]]; ok {
			seen++
			if n > limit {
				t.Errorf("%s has %d lines, want at most %d", row[1], n, limit)
			}
		}
	}
	if seen != len(most) {
		t.Errorf("%d of %d parts are in the README's table", seen, len(most))
	}
}
