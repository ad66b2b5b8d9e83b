//go:build unix

package cmd_test

import (
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestTerminal runs train on a pseudo-terminal.
func TestTerminal(t *testing.T) {
	script, err := exec.LookPath("script")
	if err != nil {
		t.Skip("no script(1), which gives a command a terminal")
	}
	t.Parallel()
	dir := t.TempDir()
	columns := 120
	terminal := func(args ...string) (string, int) {
		t.Helper()
		c := prepare(t.Context(), dir, args...)
		line := fmt.Sprintf("stty cols %d rows 30; exec '", columns) + c.Path + "' '" + strings.Join(args[1:], "' '") + "'"
		c.Path, c.Args = script, []string{"script", "-qec", line, "/dev/null"}
		r := finish(t, c)
		if strings.Contains(r.stderr, "usage") || strings.Contains(r.stdout, "illegal option") {
			t.Skip("this script(1) has other options")
		}
		return r.stdout, r.code
	}
	// The bar is drawn by the clock: a fast machine needs more epochs to show it twice.
	bar := regexp.MustCompile(`epoch +\d+/\d+  \[=+>-+\]  \d+ images/s  loss \d+\.\d\d  [0-9.hm]+s left`)
	var out string
	var code, epochs int
	for epochs = 20; ; epochs *= 4 {
		out, code = terminal(tinyModel("-batch", "8", "-epochs", fmt.Sprint(epochs), "-out", fmt.Sprint("run", epochs))...)
		if code != 0 {
			t.Fatalf("exit code %d: %q", code, out)
		}
		n := len(bar.FindAllString(out, -1))
		if n >= 2 && strings.Contains(out, "\x1b[1A\x1b[J") {
			break
		}
		if epochs > 1000 {
			t.Fatalf("the bar is drawn %d times in %d epochs: %.2000q", n, epochs, out)
		}
	}
	for i := range epochs {
		if words := fmt.Sprintf("epoch %*d/%d  train ", len(fmt.Sprint(epochs)), i+1, epochs); strings.Count(out, words) != 1 {
			t.Errorf("%d times %q in the output", strings.Count(out, words), words)
		}
	}
	wiped := func(out string) {
		t.Helper()
		if drawn, wiped := strings.Count(out, "/s  loss "), strings.Count(out, "\x1b[1A\x1b[J"); drawn != wiped {
			t.Errorf("%d bars drawn, %d wiped out: %.2000q", drawn, wiped, out)
		}
	}
	wiped(out)
	last := strings.TrimPrefix(lastLine(out), "\x1b[1A\x1b[J")
	if !strings.Contains(last, fmt.Sprintf("in run%d: model.safetensors", epochs)) || strings.ContainsAny(last, "[\x1b") {
		t.Errorf("the last line is %q", last)
	}

	// A narrow terminal has lines that fit: of the bar, and of each epoch.
	narrow := []int{40, 80}
	if testing.Short() {
		narrow = narrow[:1]
	}
	for _, columns = range narrow {
		out, code := terminal(tinyModel("-batch", "8", "-epochs", fmt.Sprint(epochs), "-out", fmt.Sprint("narrow", columns))...)
		if code != 0 || strings.Contains(out, "…") {
			t.Errorf("%d columns: exit code %d, or a part is cut off: %q", columns, code, out)
		}
		for _, line := range regexp.MustCompile(`epoch[^\r\n\x1b]*`).FindAllString(out, -1) {
			if len(line) > columns || strings.Contains(line, "[") && !strings.HasSuffix(line, "left") {
				t.Errorf("%d columns hold %q", columns, line)
			}
		}
	}
	columns = 120

	// An error leaves the terminal clean: its line stands alone.
	out, code = terminal(tinyModel("-out", "nan", "-lr", "1e30", "-batch", "8")...)
	wiped(out)
	if last := lastLine(out); code != 1 || !strings.HasPrefix(strings.TrimPrefix(last, "\x1b[1A\x1b[J"), "train: step ") {
		t.Errorf("exit code %d, the last line is %q", code, last)
	}
	out, code = terminal(tinyModel("-out", "quiet", "-quiet")...)
	if out != "" || code != 0 {
		t.Errorf("-quiet: exit code %d, prints %q", code, out)
	}
	out, code = terminal("evaluate", "-k", "2", "-n", "60")
	if !strings.Contains(out, "\r\x1b[Klog p(x): 20 of 60 images") || !strings.Contains(out, "\r\x1b[Knats per image") || code != 0 {
		t.Errorf("evaluate: exit code %d, prints %q", code, out)
	}
}
