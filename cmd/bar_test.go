//go:build unix

package cmd_test

import (
	"io"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// screen is what a terminal shows after some output, without blank lines: line feeds, carriage
// returns, and the two sequences that a bar is wiped out with.
func screen(out string) []string {
	lines, row, column := [][]rune{nil}, 0, 0
	sequence := regexp.MustCompile(`^\x1b\[(\d*)([A-Za-z])`)
	for len(out) > 0 {
		if m := sequence.FindStringSubmatch(out); m != nil {
			n, _ := strconv.Atoi(m[1])
			switch m[2] {
			case "A":
				row = max(0, row-max(n, 1))
			case "J": // the rest of the screen
				lines = lines[:row+1]
				fallthrough
			case "K": // the rest of the line
				lines[row] = lines[row][:min(column, len(lines[row]))]
			}
			out = out[len(m[0]):]
			continue
		}
		r := []rune(out)[0]
		out = out[len(string(r)):]
		switch r {
		case '\r':
			column = 0
		case '\n':
			if row++; row == len(lines) {
				lines = append(lines, nil)
			}
		default:
			for len(lines[row]) <= column {
				lines[row] = append(lines[row], ' ')
			}
			lines[row][column] = r
			column++
		}
	}
	var shown []string
	for _, l := range lines {
		if text := strings.TrimSpace(string(l)); text != "" {
			shown = append(shown, text)
		}
	}
	return shown
}

func TestScreen(t *testing.T) {
	for out, want := range map[string]string{
		"a\r\nb":                          "a|b",
		"bar\r\n\x1b[1A\x1b[Jline\r\n":    "line",
		"one\r\nbar\r\n^C\r\x1b[1A\x1b[J": "one",
		"one\r\nbar\r\n^C\x1b[1A\x1b[J":   "one|ba", // what a bar leaves if ^C stands before it is wiped out
	} {
		if got := strings.Join(screen(out), "|"); got != want {
			t.Errorf("%q shows %q, want %q", out, got, want)
		}
	}
}

// TestInterruptedBar types Ctrl-C on a pseudo-terminal: nothing of the bar is left.
func TestInterruptedBar(t *testing.T) {
	t.Parallel()
	script, err := exec.LookPath("script")
	if err != nil {
		t.Skip("no script(1), which gives a command a terminal")
	}
	c := prepare(t.Context(), t.TempDir(), tinyModel("-batch", "4", "-epochs", "10000")...)
	line := "stty cols 100 rows 30; exec '" + strings.Join(c.Args, "' '") + "'"
	c.Path, c.Args = script, []string{"script", "-qec", line, "/dev/null"}
	keyboard, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out output
	c.Stdout = &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); strings.Count(out.String(), " left") < 3; time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > patience {
			t.Fatalf("no bar: %q", out.String())
		}
	}
	if _, err := io.WriteString(keyboard, "\x03"); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	if code := c.ProcessState.ExitCode(); code != 130 {
		t.Errorf("exit code %d, want 130", code)
	}
	shown := screen(out.String())
	for i, l := range shown {
		want := "epoch "
		switch i {
		case 0:
			want = "tiny: "
		case 1:
			want = "model "
		case len(shown) - 1:
			want = "train: interrupted after "
		}
		if !strings.HasPrefix(l, want) || strings.Contains(l, ">-") || strings.Contains(l, "^C") {
			t.Errorf("line %d of %d is %q, want one that starts with %q, and no bar", i+1, len(shown), l, want)
		}
	}
	if t.Failed() {
		t.Logf("%.3000q", out.String())
	}
}

// output is written by one goroutine and read by another.
type output struct {
	mu sync.Mutex
	b  strings.Builder
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}
