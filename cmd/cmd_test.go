// Package cmd_test runs the commands as a user does: built binaries, their
// exit codes, what they print, and what they leave on disk.
package cmd_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"govae/command"
	"govae/mnist"
)

// bin is where the binaries are, tiny a data set: the first images of MNIST.
var bin, tiny string

const tinyTrain, tinyTest = 512, 128 // images

// commands are the mains of the commands by their names.
var commands = map[string]func(){"train": command.Train, "sample": command.Sample, "evaluate": command.Evaluate,
	"reproduce": command.Reproduce, "sweep": command.Sweep}

func TestMain(m *testing.M) {
	if main, ok := commands[filepath.Base(os.Args[0])]; ok {
		main() // this binary, under the name of a command: see build
	}
	flag.Parse()
	os.Exit(testMain(m))
}

// build puts the commands into bin. In short mode they are names of this test binary, which
// has all of them in it but for their mains of five lines; linking each takes a second.
func build() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := os.Mkdir(bin, 0o777); err != nil {
		return err
	}
	for name := range commands {
		if !testing.Short() || runtime.GOOS == "windows" || os.Symlink(self, filepath.Join(bin, name)) != nil {
			out, err := exec.Command("go", "build", "-o", bin+string(filepath.Separator), "./train", "./sample", "./evaluate", "./reproduce", "./sweep").CombinedOutput()
			if err != nil {
				return fmt.Errorf("go build: %v\n%s", err, out)
			}
			return nil
		}
	}
	return nil
}

func testMain(m *testing.M) int {
	os.Unsetenv("MNIST_DIR")
	dir, err := os.MkdirTemp("", "govae-cmd")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bin, tiny = filepath.Join(dir, "bin"), filepath.Join(dir, "tiny")
	if err := build(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	train, test, err := mnist.Load("")
	if err == nil {
		err = writeSets(tiny, train.Slice(0, tinyTrain), test.Slice(0, tinyTest))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// watch makes go test run again, and not show a result that it has kept, when a
// file has changed that the binaries are made of: it notes which files a test
// looks at, but not before TestMain calls Run, and so not those of go build.
var watch = sync.OnceFunc(func() {
	filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.HasPrefix(d.Name(), ".") && len(d.Name()) > 2 {
			return fs.SkipDir
		}
		switch filepath.Ext(path) {
		case ".go", ".s", ".mod", ".sum", ".safetensors":
			os.Stat(path)
		}
		return nil
	})
})

// prepare prepares a command line, such as "train", "-epochs", "1", that runs in
// dir on the tiny data set.
func prepare(ctx context.Context, dir string, args ...string) *exec.Cmd {
	watch()
	c := exec.CommandContext(ctx, filepath.Join(bin, args[0]), args[1:]...)
	c.Dir = dir
	c.Env = append(os.Environ(), "MNIST_DIR="+tiny)
	return c
}

// result is what a command did.
type result struct {
	code           int // −1 if a signal killed it
	stdout, stderr string
	state          *os.ProcessState
}

func (r result) String() string {
	return fmt.Sprintf("exit code %d\nstdout: %s\nstderr: %s", r.code, r.stdout, r.stderr)
}

// patience is the time after which a command counts as hanging.
const patience = time.Minute

// run runs a command line to its end.
func run(t *testing.T, dir string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return finish(t, prepare(ctx, dir, args...))
}

// finish runs a prepared command to its end.
func finish(t *testing.T, c *exec.Cmd) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	var exit *exec.ExitError
	if err := c.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v: %v", c.Args, err)
	}
	return result{c.ProcessState.ExitCode(), stdout.String(), stderr.String(), c.ProcessState}
}

// must runs a command line that has to succeed in silence on standard error, and
// returns its standard output.
func must(t *testing.T, dir string, args ...string) string {
	t.Helper()
	r := run(t, dir, args...)
	if r.code != 0 || r.stderr != "" {
		t.Fatalf("%s: %v, want success", strings.Join(args, " "), r)
	}
	return r.stdout
}

// startsRight matches a message that begins with the name of a command or package.
var startsRight = regexp.MustCompile(`^[a-z]+: `)

// wantFailure fails unless the command ended with that code and one line on
// standard error that has all the words in it.
func wantFailure(t *testing.T, r result, code int, words ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d", r.code, code)
	}
	if strings.Count(r.stderr, "\n") != 1 || !strings.HasSuffix(r.stderr, "\n") || len(r.stderr) > 600 {
		t.Errorf("want one line on standard error")
	}
	if !startsRight.MatchString(r.stderr) {
		t.Errorf("the message does not start with the name of a command or package")
	}
	for _, w := range words {
		if !strings.Contains(r.stderr, w) {
			t.Errorf("the message lacks %q", w)
		}
	}
	for _, w := range []string{"panic", "goroutine", "runtime error", ".go:", "%!", "<nil>"} {
		if strings.Contains(r.stderr+r.stdout, w) {
			t.Errorf("output has %q in it", w)
		}
	}
	if t.Failed() {
		t.Logf("%.4000v", r)
	}
}

// snapshot returns the SHA-256 of all files below dir, by path. A directory
// counts as a file that holds "dir".
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		if files[name] = "dir"; !d.IsDir() {
			files[name] = sum(t, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func sum(t *testing.T, path string) string {
	t.Helper()
	return fmt.Sprintf("%x", sha256.Sum256(read(t, path)))
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
}

// exists reports whether there is anything at path.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// tinyModel are the flags of a model that trains in no time.
func tinyModel(more ...string) []string {
	return append([]string{"train", "-hidden", "16", "-latent", "2", "-batch", "32", "-epochs", "1", "-out", "run"}, more...)
}

// leftovers fails if a temporary file was left in dir.
func leftovers(t *testing.T, dir string) {
	t.Helper()
	for name := range snapshot(t, dir) {
		if strings.HasSuffix(name, ".tmp") {
			t.Errorf("%s was left behind", name)
		}
	}
}

func lastLine(out string) string {
	lines := strings.Split(strings.TrimRight(strings.ReplaceAll(out, "\r\n", "\n"), "\n"), "\n")
	return lines[len(lines)-1]
}
