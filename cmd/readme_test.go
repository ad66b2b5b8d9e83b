package cmd_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadmeOutput compares what the README shows of the three commands with what
// they print, but for the numbers, the data and the number of epochs.
func TestReadmeOutput(t *testing.T) {
	t.Parallel()
	readme := string(read(t, filepath.Join("..", "README.md")))
	dir := t.TempDir()
	for _, command := range []struct {
		shown string   // command line in the README
		args  []string // the same in little time
	}{
		{"go run ./cmd/train", tinyModel("-epochs", "3", "-out", "runs/mnist")},
		{"go run ./cmd/sample -model runs/mnist/model.safetensors -out new.png", []string{"sample", "-model", "runs/mnist/model.safetensors", "-out", "new.png"}},
		{"go run ./cmd/evaluate -model runs/mnist/model.safetensors", []string{"evaluate", "-model", "runs/mnist/model.safetensors", "-k", "2", "-n", "4"}},
	} {
		_, rest, ok := strings.Cut(readme, "\n$ "+command.shown+"\n")
		if !ok {
			t.Errorf("the README does not show %q", command.shown)
			continue
		}
		want, _, _ := strings.Cut(rest, "```")
		want, _, _ = strings.Cut(want, "\n\n")
		if got, want := shape(must(t, dir, command.args...)), shape(want); got != want {
			t.Errorf("%s prints in the README\n%s\nand in truth\n%s", command.shown, want, got)
		}
	}
}

var (
	number = regexp.MustCompile(`-?[0-9][0-9.]*s?`)
	blanks = regexp.MustCompile(` +`)
)

// shape is an output without what depends on data and clock.
func shape(out string) string {
	out = strings.NewReplacer("tiny:", "MNIST:", "tiny test", "MNIST test", "…", "epoch 1/1").Replace(strings.TrimSpace(out))
	var lines []string
	for _, l := range strings.Split(out, "\n") {
		l = blanks.ReplaceAllString(number.ReplaceAllString(l, "#"), " ")
		if l != "epoch #/#" { // stands for any number of them
			lines = append(lines, l)
		}
	}
	return strings.Join(lines, "\n")
}
